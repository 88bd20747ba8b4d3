import pytest
import torch

from mnist_cnn.training.trainer import Trainer, suitable_precision


@pytest.mark.parametrize(
    ("features", "expected"),
    [({"avx512_bf16": True}, "bf16-mixed"), ({"amx_bf16": True}, "bf16-mixed"), ({"avx512_f": True}, "32-true")],
)
def test_auto_is_bfloat16_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert suitable_precision("cpu") == expected
    assert Trainer(accelerator="cpu", precision="auto", logger=False).precision == expected
    assert suitable_precision("gpu") == "32-true"


def test_other_precisions_are_lightnings() -> None:
    assert Trainer(accelerator="cpu", precision="64-true", logger=False).precision == "64-true"
    assert Trainer(accelerator="cpu", logger=False).precision == "32-true"

import platform
from pathlib import Path

import pytest
import torch

from mnist_cnn.trainer import Trainer, keep_freed_memory, suitable_precision


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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such switch")
def test_freed_memory_is_kept() -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    keep_freed_memory()
    size = 400 * 2**20
    block = torch.ones(size, dtype=torch.uint8)
    held = resident_bytes()
    del block
    assert resident_bytes() > held - size // 2

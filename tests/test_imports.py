"""What is deferred is not loaded by a run, and works as ever when somebody uses it afterwards in the same process."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import TINY_RUN, run_program

pytestmark = pytest.mark.slow

HEAVY = ["scipy.signal", "matplotlib", "sympy", "torchvision", "torch._dynamo.utils", "torch._inductor", "triton"]
FIT = ["fit", *TINY_RUN, "--epochs", "1", "--pictures.enabled", "false"]
RUN = f"from mnist_cnn.cli.main import main\nassert main({FIT}) == 0\n"
NOT_LOADED = f"import sys\nloaded = [name for name in {HEAVY} if name in sys.modules]\nassert not loaded, loaded\n"

# Programs that follow a run in its process.
USES = {
    "torch.compile": """
import torch, pytorch_lightning as pl
from lightning_fabric.wrappers import OptimizedModule, _unwrap_compiled
from pytorch_lightning.utilities.compile import from_compiled, to_uncompiled
module = torch.nn.Linear(2, 2)
assert not isinstance(module, OptimizedModule)
compiled = torch.compile(module, backend="eager")
assert isinstance(compiled, OptimizedModule) and not isinstance(module, OptimizedModule)
assert isinstance(compiled, torch._dynamo.OptimizedModule)
assert torch.equal(compiled(torch.ones(1, 2)), module(torch.ones(1, 2)))
assert torch._dynamo.utils.counters["frames"]["ok"] > 0
assert _unwrap_compiled(compiled)[0] is module
class Plain(pl.LightningModule):
    pass
plain = Plain()
assert to_uncompiled(from_compiled(torch.compile(plain, backend="eager"))) is plain
""",
    "training with torch.compile": f"""
import torch
assert main([*{FIT}, "--model.compile_mode", "default"]) == 0
assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
""",
    "functions kept from the tracer": """
import torch
parameter = torch.nn.Parameter(torch.ones(2))
optimizer = torch.optim.Adam([parameter])
optimizer.zero_grad()
assert torch._dynamo.list_backends()
for method in (torch.optim.Optimizer.add_param_group, torch.optim.Optimizer.zero_grad):
    kept = getattr(method.__wrapped__, "__dynamo_disable", None)
    assert kept is None or kept._torchdynamo_disable, method
from pytorch_lightning.trainer.connectors.logger_connector.result import _ResultCollection
assert _ResultCollection.log._torchdynamo_disable and _ResultCollection.update_metrics._torchdynamo_disable
seen = []
@torch.compiler.disable
def untraced(x):
    seen.append(torch.compiler.is_compiling())
    return x + 1
compiled = torch.compile(lambda x: untraced(x) * 2, backend="eager")
assert compiled(torch.ones(1)).item() == 4 and seen == [False]
parameter.grad = torch.ones(2)
torch.compile(optimizer.step, backend="eager")()
assert parameter[0] < 1
""",
    "a submodule of a deferred package": """
import torch._dynamo.config
import sys, torch
assert torch._dynamo.config is sys.modules["torch._dynamo.config"]
assert type(torch._dynamo) is type(sys) and torch._dynamo.config is torch._dynamo.eval_frame.config
for name, module in list(sys.modules.items()):
    parent, _, child = name.rpartition(".")
    if parent.startswith("torch._dynamo") and hasattr(module, "__spec__") and module.__spec__.name == name:
        assert getattr(sys.modules[parent], child) in (module, getattr(module, child, None)), name
""",
    "all threads at once": """
import threading
def use():
    import torch._dynamo.config, torchmetrics
    found.append((torchmetrics.image, torch._dynamo.list_backends()))
found = []
threads = [threading.Thread(target=use) for _ in range(4)]
[thread.start() for thread in threads]; [thread.join(120) for thread in threads]
assert len(found) == 4 and not any(thread.is_alive() for thread in threads)
""",
    "torchmetrics": """
import torch, torchmetrics
assert torchmetrics.image.PeakSignalNoiseRatio(data_range=1.0)(torch.zeros(4), torch.zeros(4)) > 0
from torchmetrics.functional import accuracy, pearson_corrcoef
assert accuracy(torch.tensor([1]), torch.tensor([1]), task="multiclass", num_classes=2) == 1
from torchmetrics import Accuracy, MetricCollection
from torchmetrics.classification import BinaryAUROC
from mnist_cnn.evaluation.metrics import MulticlassAccuracy
import torchmetrics.metric
assert torchmetrics.classification.MulticlassAccuracy is MulticlassAccuracy
assert isinstance(Accuracy(task="multiclass", num_classes=2), MulticlassAccuracy)
assert MetricCollection is torchmetrics.collections.MetricCollection and "Accuracy" in dir(torchmetrics)
""",
    "plots of metrics": """
import matplotlib; matplotlib.use("agg")
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix
metric = MulticlassAccuracy(2); metric.update(torch.tensor([0, 1]), torch.tensor([0, 1]))
figure, axes = metric.plot()
assert isinstance(axes, matplotlib.axes.Axes)
metric = MulticlassConfusionMatrix(2); metric.update(torch.tensor([0, 1]), torch.tensor([0, 1])); metric.plot()
""",
    "pickles and copies": """
import copy, pickle, torch
from mnist_cnn.evaluation.metrics import EvaluationMetrics
metrics = EvaluationMetrics("val", ["a", "b"])
for other in (copy.deepcopy(metrics), pickle.loads(pickle.dumps(metrics))):
    other.update(torch.zeros(2), torch.eye(2), torch.tensor([0, 1]))
    assert other.compute_and_reset()["val/accuracy"] == 1
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.networks import build_network
copy.deepcopy(ImageClassifier(build_network({"class_path": "mnist_cnn.networks.CNN", "init_args": {}})))
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))]); copy.deepcopy(optimizer); pickle.dumps(optimizer)
""",
    "torchvision": """
import torch, torchvision
assert torchvision.ops.nms(torch.tensor([[0.0, 0, 1, 1]]), torch.ones(1), 0.5).tolist() == [0]
from torchvision.transforms import v2
assert v2.Resize(4)(torch.zeros(1, 8, 8)).shape == (1, 4, 4)
""",
    "torch.export": """
import torch
program = torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),))
assert program.module()(torch.ones(1, 2)).shape == (1, 2)
""",
    "torch.onnx": """
import pytest, torch
pytest.importorskip("onnxscript")
torch.onnx.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),), "linear.onnx", dynamo=True, verbose=False)
""",
    "profilers": f"""
for profiler in ("simple", "advanced", "pytorch"):
    assert main([*{FIT}, "--trainer.profiler", profiler]) == 0
""",
    "strategies": """
import torch.distributed.fsdp
from pytorch_lightning.strategies import FSDPStrategy, DDPStrategy, ModelParallelStrategy
from lightning_fabric.strategies.fsdp import FSDPStrategy as Fabrics
FSDPStrategy(), DDPStrategy(), ModelParallelStrategy(), Fabrics()
from torch.distributed.tensor import DTensor
""",
    "summaries of models": """
import torch, pytorch_lightning as pl
from pytorch_lightning.utilities.model_summary import ModelSummary
class Plain(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer, self.example_input_array = torch.nn.Linear(2, 3), torch.ones(4, 2)
    def forward(self, x):
        return self.layer(x)
assert ModelSummary(Plain()).total_flops == 2 * 2 * 3 * 4
""",
}


def run_python(program: str, folder: Path) -> None:
    """Run a program in a process of its own, to its good end."""
    done = run_program(program, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "leaked" not in done.stderr, "some libraries count what is left at the end of a process"


def test_a_run_loads_nothing_heavy(tmp_path: Path) -> None:
    run_python(RUN + NOT_LOADED, tmp_path)
    evaluate = "for command in ('validate', 'test'): assert main([command, '--ckpt_path', 'best']) == 0\n"
    run_python(f"from mnist_cnn.cli.main import main\n{evaluate}{NOT_LOADED}", tmp_path)


@pytest.mark.parametrize("use", list(USES))
def test_what_was_deferred_works_after_a_run(use: str, tmp_path: Path) -> None:
    if use == "training with torch.compile" and not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler")
    run_python(RUN + NOT_LOADED + USES[use], tmp_path)


@pytest.mark.parametrize("package", ["torch._dynamo", "torch.utils.flop_counter", "torchmetrics"])
@pytest.mark.parametrize("change", ["marks=('what is in no source',)", "releases=('0.',)"])
def test_a_package_that_looks_otherwise_is_loaded_as_always(package: str, change: str, tmp_path: Path) -> None:
    if package != "torchmetrics" and "releases" in change:
        pytest.skip("no distribution of its own")
    changed = f"""
from dataclasses import replace
from mnist_cnn import imports
imports.PACKAGES[{package!r}] = replace(imports.PACKAGES[{package!r}], {change})
"""
    loaded = f"import sys\nassert type(sys.modules[{package!r}]) is type(sys)\n"
    run_python(changed + RUN + loaded, tmp_path)

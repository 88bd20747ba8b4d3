"""Damaged and hostile files and arguments by the hundred: does anything break?

    python benchmarks/hostile.py                        # all kinds, as many as docs/results.md says
    python benchmarks/hostile.py checkpoints --count 50 --seed 7

Each case is a command of its own in a process of its own, forked from one that has imported everything. A case fails if
it prints a traceback, ends with another status than 0, 1 or 2, takes more than 10 s or 1.5 GB, starts a program,
connects to another machine, writes outside its folder, or answers a picture otherwise than the undamaged network does.
Needs a system that can fork.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring import conditions, conditions_line

SECONDS, MEGABYTES = 10.0, 1536
COUNTS = {"checkpoints": 600, "onnx": 200, "pictures": 3000, "commands": 500, "data": 100, "own": 200}
TINY = ["--epochs", "1", "--trainer.limit_train_batches", "1", "--trainer.enable_progress_bar", "false"]
FORBIDDEN = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "ctypes.dlopen")
WARM = (
    *("matplotlib.figure", "pytorch_lightning", "tensorboard.summary", "torch", "mnist_cnn.inference.classifier"),
    *("mnist_cnn.cli.figures", "mnist_cnn.cli.predict", "mnist_cnn.cli.training"),
)
ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "digit.png"


@dataclass(frozen=True)
class Case:
    """A command, and what it may answer.

    Attributes:
        name: For the report.
        argv: The command's arguments.
        answer: What `predict` must say of the picture if it says anything; empty where nothing is asked.
        must_answer: Whether there has to be an answer, whatever else is wrong.
    """

    name: str
    argv: list[str]
    answer: str = ""
    must_answer: bool = False


def main() -> int:
    """Run the kinds that are asked for, print a line each and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(COUNTS)}; all by default")
    parser.add_argument("--count", type=int, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(COUNTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose of {', '.join(COUNTS)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warm_up()
    figures: dict[str, Any] = {}
    failures = 0
    for kind in options.kinds or COUNTS:
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            found = run_kind(kind, options.count or COUNTS[kind], options.seed, Path(folder))
        figures[kind] = found
        failures += len(found["failures"])
    print(conditions_line())
    if options.output:
        content = {"conditions": conditions(), "seed": options.seed, **figures}
        options.output.write_text(json.dumps(content, indent=2) + "\n")
    return 1 if failures else 0


def warm_up() -> None:
    """Import here what the commands need, so that their processes need not."""
    for name in WARM:
        import_module(name)


def run_kind(kind: str, count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Run the cases of a kind and print what came out."""
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    slowest = largest = 0.0
    total = 0
    for case in cases_of(kind, count, seed, folder):
        total += 1
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        outcome = run_case(case, work)
        statuses[str(outcome.status)] += 1
        slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.megabytes)
        if wrong := outcome.wrong(case):
            failures.append(f"{case.name}: {wrong}")
            print(f"  FAILED {case.name}: {wrong}\n    {case.argv}\n    {outcome.output[-1500:]}", flush=True)
    print(
        f"{kind:12} {total:5} cases, {len(failures)} failed; statuses {dict(statuses)}; "
        f"slowest {slowest:.1f} s, largest {largest:.0f} MB",
        flush=True,
    )
    return {
        "cases": total,
        "failures": failures,
        "statuses": dict(statuses),
        "slowest_s": round(slowest, 2),
        "largest_mb": round(largest),
    }


def cases_of(kind: str, count: int, seed: int, folder: Path) -> Iterator[Case]:
    """The commands of a kind, from the generators that the tests use too."""
    from tests.support.hostile import checkpoints, commands, data_files, onnx_files, own_data, pictures

    made = folder / "made"
    made.mkdir()
    good = str(shutil.copy(PICTURE, folder / "good.png"))
    if kind == "checkpoints":
        for number, path in enumerate(checkpoints.cases(count, seed, made)):
            yield Case(path.name, checkpoint_command(number, path, good), answer_of(checkpoints.UNDAMAGED, good))
    elif kind == "onnx":
        for path in onnx_files.cases(count, seed, made):
            command = ["predict", good, "--ckpt_path", str(path)]
            yield Case(path.name, command, answer_of(onnx_files.UNDAMAGED, good))
    elif kind == "pictures":
        for path in pictures.cases(count, seed, made):
            command = ["predict", str(path), good, "--ckpt_path", "reference"]
            yield Case(repr(path.name), command, answer_of("reference", good), must_answer=True)
    elif kind == "commands":
        for number, argv in enumerate(commands.cases(count, seed, made)):
            yield Case(str(number), argv)
    elif kind == "own":
        for number, path in enumerate(own_data.cases(count, seed, made)):
            predicted = ["predict", str(path), good, "--ckpt_path", "reference"]
            trained = ["fit", "--data.dataset", str(path), "--batch-size", "4", "--model.network", "MLP", *TINY]
            command = [predicted, ["datasets", str(path)], trained][number // len(own_data.KINDS) % 3]
            is_predicted = command is predicted
            answer = answer_of("reference", good) if is_predicted else ""
            yield Case(f"{command[0]} {path.parent.name}", command, answer, must_answer=is_predicted)
    else:
        for number, path in enumerate(data_files.cases(count, seed, made)):
            dataset = data_files.DATASETS[number % len(data_files.DATASETS)]  # with known checksums, and without
            flags = ["--data.dataset", dataset, "--data.data_dir", str(path), "--data.val_size", "10"]
            yield Case(f"{path.name} as {dataset}", ["fit", *flags, *TINY])


def checkpoint_command(number: int, path: Path, picture: str) -> list[str]:
    """One of the commands that read a checkpoint, `predict` most often as its answer can be compared."""
    small = ["--data.dataset", "synthetic", "--data.train_size", "100", "--data.val_size", "20", *TINY[2:]]
    others = [
        ["fit", "--ckpt_path", str(path), *small, "--epochs", "99", "--trainer.max_steps", "1"],
        ["validate", "--ckpt_path", str(path), *small],
        ["figures", "--data.data_dir", "none", "--images", picture, "--ckpt_path", str(path)],
    ]
    return others[number // 4 % 3] if number % 4 == 3 else ["predict", picture, "--ckpt_path", str(path)]


@cache
def answer_of(network: Path | str, picture: str) -> str:
    """What an undamaged network says of a picture, found in a process of its own."""
    program = f"import mnist_cnn; print(mnist_cnn.load({str(network)!r}).predict({picture!r})[0].label)"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Outcome:
    """What came of a case."""

    status: int | str
    seconds: float
    megabytes: float
    output: str
    events: str

    def wrong(self, case: Case) -> str:
        """What is wrong with it; empty if nothing is."""
        if self.status not in (0, 1, 2):
            return f"status {self.status}"
        if "Traceback (most recent call last)" in self.output:
            return "a traceback"
        if self.seconds > SECONDS:
            return f"{self.seconds:.1f} s"
        if self.megabytes > MEGABYTES:
            return f"{self.megabytes:.0f} MB"
        if self.events:
            return self.events.splitlines()[0]
        if case.argv[:1] == ["predict"] and case.answer:
            line = next((line for line in self.output.splitlines() if line.startswith("good.png")), "")
            line = line or next((line for line in self.output.splitlines() if "good.png" in line), "")
            answered = line.split()[1:2] == [case.answer]
            if (case.must_answer or self.status == 0) and not answered:
                return f"good.png should be {case.answer}, but: {line!r}"
        return ""


def run_case(case: Case, work: Path) -> Outcome:
    """Run a command in a process of its own, and look after it."""
    output, events = work.parent / "output.txt", work.parent / "events.txt"
    events.write_text("")
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _run_in_child(case, work, output, events)
    status: int | str = "hangs"
    while time.monotonic() - start < 2 * SECONDS:
        found, code, usage = os.wait4(child, os.WNOHANG)
        if found:
            status = os.waitstatus_to_exitcode(code)
            break
        time.sleep(0.005)
    else:
        os.kill(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
    text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    if (work.parent / "made" / "code-ran").exists():  # what the code in hostile checkpoints writes
        events.write_text("code of a file was run")
    return Outcome(status, time.monotonic() - start, usage.ru_maxrss / 1024, text, events.read_text())


def _run_in_child(case: Case, work: Path, output: Path, events: Path) -> None:
    status = 99
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # not to outlive the parent
        os.chdir(work)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ["COLUMNS"] = "300"
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        record = os.open(events, os.O_WRONLY | os.O_APPEND)
        sys.addaudithook(_Watch(record, work.parent))
        from mnist_cnn.cli.main import main

        try:
            status = main(case.argv)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class _Watch:
    """An audit hook that notes what no file may make the program do."""

    def __init__(self, record: int, folder: Path) -> None:
        self.record, self.folder, self.is_busy = record, os.path.realpath(folder), False

    def __call__(self, event: str, arguments: Sequence[Any]) -> None:
        if self.is_busy:
            return
        self.is_busy = True
        try:
            if event in FORBIDDEN[:-1] or (event == "ctypes.dlopen" and "/made/" in str(arguments)):
                os.write(self.record, f"{event} {str(arguments)[:200]}\n".encode())
            elif event == "open" and isinstance(arguments[0], str | bytes) and _writes(arguments):
                path = os.path.realpath(os.fsdecode(arguments[0]))
                if not path.startswith((self.folder, "/dev/", "/tmp/", "/proc/")) and "cache" not in path:
                    os.write(self.record, f"wrote {path[:200]}\n".encode())
        finally:
            self.is_busy = False


def _writes(arguments: Sequence[Any]) -> bool:
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":
    sys.exit(main())

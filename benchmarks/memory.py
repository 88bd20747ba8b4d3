"""Peak resident memory of the main job.

    python benchmarks/memory.py

Runs the whole of configs/base.yaml in a process of its own, with its pictures for TensorBoard, and asks the system.
"""

import resource
import sys
import tempfile

from measuring import ROOT, parse, run, write

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def main() -> None:
    options = parse(__doc__, 1)
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            place = ["--trainer.default_root_dir", folder]
            run([sys.executable, "-m", "mnist_cnn", "fit", "--config", str(ROOT / "configs" / "base.yaml"), *place])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT / 1e9  # of the largest run
    print(f"peak resident memory of base.yaml: {peak:.2f} GB, the largest of {options.rounds} run(s)")
    write("memory", {"peak_gb": peak, "runs": options.rounds}, options)


if __name__ == "__main__":
    main()

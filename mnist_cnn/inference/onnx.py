"""An exported network, run by onnxruntime: neither torch nor Lightning is imported."""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import is_name
from mnist_cnn.errors import UserError
from mnist_cnn.inference.base import Classifier
from mnist_cnn.inference.onnx_file import read_model
from mnist_cnn.runs.provenance import MOST_PIXELS, Provenance

LARGEST_MEMORY = 1_000_000_000  # bytes that a network may take while it answers
OUT_OF_MEMORY = "Available memory of|Failed to allocate memory|bad_alloc"


class ONNXClassifier(Classifier):
    """An exported network.

    Args:
        path: The file that `mnist-cnn export` wrote.

    Raises:
        UserError: if onnxruntime is not installed, or the file is damaged, altered or no network of this project.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(
                f"{path} takes onnxruntime, which is not installed: pip install 'mnist-cnn[onnx]', or in a clone "
                f"pip install -e '.[onnx]'"
            ) from error
        self.path = path
        model = read_model(path)
        onnxruntime.set_default_logger_severity(4)  # what is wrong is said below
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if _memory_is_bounded():
            options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            providers = ["CPUExecutionProvider"]  # there is no other one to fall back to, which would be announced
            self.session = onnxruntime.InferenceSession(model, options, providers, enable_fallback=0)
        except Exception as error:  # onnxruntime has a dozen kinds, none of which derives from another
            raise UserError(f"{path} is damaged or no ONNX file: onnxruntime cannot read it") from error
        self.class_names, self.provenance = _read_metadata(path, self.session.get_modelmeta().custom_metadata_map)
        self._check_answers()

    def _probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._checked(self._run(images))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of images, in parts if all together take too much memory."""
        try:
            return self.session.run(None, {self.session.get_inputs()[0].name: images})[0]
        except Exception as error:  # as above
            if len(images) < 2 or not re.search(OUT_OF_MEMORY, str(error)):
                raise UserError(
                    f"{self.path} cannot answer for images of {images.shape[1:]}: {_first(error)}"
                ) from error
        half = len(images) // 2
        return np.concatenate([self._run(images[:half]), self._run(images[half:])])

    def _check_answers(self) -> None:
        """See that it takes images and gives probabilities of the classes that it names.

        Raises:
            UserError: if it does not.
        """
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shape = tuple(inputs[0].shape[1:]) if inputs else ()
        is_image = len(shape) == 3 and all(isinstance(size, int) and size > 0 for size in shape)
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(uint8)" or not is_image:
            raise UserError(
                f"{self.path} was not written by mnist-cnn export: it does not map uint8 images (N, C, H, W)"
            )
        if shape != self.image_shape or np.prod(shape, dtype=float) > MOST_PIXELS:
            raise UserError(
                f"{self.path} is damaged or was altered: it takes images of {shape}, not {self.image_shape}"
            )
        noise = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
        answers: Any = self._run(noise)
        wanted = (2, len(self.class_names))
        is_answer = isinstance(answers, np.ndarray) and answers.dtype == np.float32 and answers.shape == wanted
        if not is_answer:
            raise UserError(f"{self.path} is damaged or was altered: it does not answer for each class that it names")
        self._checked(answers)
        if answers.min() < 0 or answers.max() > 1.001 or np.abs(answers.sum(axis=1) - 1).max() > 1e-3:
            raise UserError(f"{self.path} is damaged or was altered: its answers are no probabilities")


def _read_metadata(path: Path, metadata: dict[str, str]) -> tuple[list[str], Provenance]:
    if "class_names" not in metadata:
        raise UserError(f"{path} was not written by mnist-cnn export: it does not name its classes")
    try:
        names = json.loads(metadata["class_names"])
        provenance = Provenance.from_plain(json.loads(metadata.get("provenance", "null")))
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, UserError) else "its metadata are no JSON"
        raise UserError(f"{path} is damaged or was altered: {reason}") from error
    if not isinstance(names, list) or not all(map(is_name, names)):
        raise UserError(f"{path} is damaged or was altered: its class names are no names")
    return names, provenance


@lru_cache(maxsize=1)
def _memory_is_bounded() -> bool:
    """Have onnxruntime take memory from a store that has an end, once in a process; whether it does."""
    import onnxruntime

    try:
        kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
        store = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
        limits = onnxruntime.OrtArenaCfg({"max_mem": LARGEST_MEMORY, "arena_extend_strategy": 1})
        onnxruntime.create_and_register_allocator(store, limits)
    except Exception:  # somebody else in this process has set one
        return False
    return True


def _first(error: Exception) -> str:
    """What onnxruntime says, without what it says of itself."""
    return " ".join(str(error).split())[:200]

"""An exported network, run by onnxruntime: neither torch nor Lightning is imported."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.errors import UserError
from mnist_cnn.inference.base import Classifier
from mnist_cnn.runs.provenance import Provenance


class ONNXClassifier(Classifier):
    """An exported network.

    Args:
        path: The file that `mnist-cnn export` wrote.

    Raises:
        UserError: if onnxruntime is not installed, or the file is no network of this project.
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
        onnxruntime.set_default_logger_severity(3)
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a dozen kinds, none of which derives from another
            raise UserError(f"{path} is damaged or no ONNX file: onnxruntime cannot read it") from error
        metadata = self.session.get_modelmeta().custom_metadata_map
        if "class_names" not in metadata:
            raise UserError(f"{path} was not written by mnist-cnn export: it does not name its classes")
        self.class_names = json.loads(metadata["class_names"])
        self.provenance = Provenance.from_plain(json.loads(metadata.get("provenance", "null")))

    def _probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._checked(self.session.run(None, {self.session.get_inputs()[0].name: images})[0])

"""Settings as plain types: what YAML, checkpoints and TensorBoard's HPARAMS tab can hold."""

from pathlib import PurePath
from typing import Any


def plain(value: Any) -> Any:
    """Turn a setting into the plain types that checkpoints hold: tuples into lists, NumPy's numbers into Python's."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if hasattr(value, "item") else value


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested settings with dots."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat

"""Results as plain data, and the JSON file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..labels.wholefile import whole_file


def plain(value: Any) -> Any:
    """Return a result as plain data for JSON: dataclasses as mappings, numbers to 6 places, NaN and infinite as None.

    Example:
        >>> plain({"f1": float("nan"), "points": (0.25, 1)})
        {'f1': None, 'points': [0.25, 1]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write plain data as a JSON file, whole or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    with whole_file(path) as file:
        # Escaped to ASCII: the text of a sentence may hold half of a surrogate pair, which UTF-8 cannot say.
        file.write(f"{json.dumps(data, indent=2, allow_nan=False)}\n".encode())

"""Numbers as JSON: plain, without NaN, written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from eventroles.labels import DataError
from eventroles.training.bootstrap import Estimate
from eventroles.training.numbers import plain, write_json
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Nested:
    inner: dict[str, Estimate]
    numbers: tuple[float, ...]
    nothing: None = None


def test_dataclasses_mappings_and_tuples_become_plain_and_nan_becomes_null() -> None:
    value = Nested({"a": Estimate(float("nan"), 0.1234567, 1)}, (float("inf"), np.float32(0.5), np.int64(3)))
    expected = {
        "inner": {"a": {"value": None, "low": 0.123457, "high": 1}},
        "numbers": [None, 0.5, 3],
        "nothing": None,
    }
    assert expected == plain(value)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_whatever_is_plain_is_json_without_nan(value: object) -> None:
    assert plain(value) == json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_file_reads_back_as_it_was_and_leaves_no_partial_one(tmp_path: Path) -> None:
    data = {"text": "Zwölf – \ud800", "value": None, "list": [1, 0.25]}
    path = tmp_path / "new" / "scores.json"
    write_json(data, path)
    write_json(data, path)
    assert data == json.loads(path.read_text(encoding="utf-8"))
    assert ["scores.json"] == [found.name for found in path.parent.iterdir()]


def test_a_file_is_kept_where_its_replacement_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_json({"old": 1}, path)
    with pytest.raises(ValueError, match="JSON"):
        write_json({"new": float("nan")}, path)
    assert {"old": 1} == json.loads(path.read_text(encoding="utf-8"))
    assert ["scores.json"] == [found.name for found in tmp_path.iterdir()]
    with pytest.raises(DataError, match="cannot write the file"):
        write_json({}, path / "below")

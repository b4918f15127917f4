"""Error rates as JSON: what a file gives, and what is wrong with one that gives none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eventroles.inference.errorrates import LabelErrors, ScoreMoments, read_errors
from eventroles.labels import DataError

MOMENTS = ScoreMoments(mean=0.5, variance=0.02, effective=9.5)
ERRORS = LabelErrors(
    tp=8, fp=2, fn=2, tn=30, positive_effective=9.0, negative_effective=20.5, positive=MOMENTS, negative=None
)


def test_error_rates_come_back_from_a_file_with_other_things_in_it(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps({"macro_f1": 0.9, "errors": {"attack": ERRORS.model_dump()}}), encoding="utf-8")
    assert {"attack": ERRORS} == read_errors(path)
    assert (10, 32) == (ERRORS.positives, ERRORS.negatives)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "cannot be read as JSON"),
        ("[]", "no object 'errors' in it"),
        ('{"errors": {"attack": {}}}', r"errors\.attack\.tp: Field required"),
        ('{"errors": {"attack": 3}}', r"errors\.attack: Input should be"),
    ],
)
def test_a_file_that_holds_none_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        read_errors(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json: cannot be read"):
        read_errors(tmp_path / "gone.json")

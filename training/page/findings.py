"""What else is known of a model beside its evaluation: results of other commands, given or read from their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from ...labels.errors import DataError
from ..leakage import ApartScores
from ..numbers import plain

Plain = Mapping[str, Any]
# What tells the files of the commands apart: keys that only one of them has.
_KEYS: Mapping[str, frozenset[str]] = {
    "robustness": frozenset({"perturbations", "rules", "actors"}),
    "learning_curve": frozenset({"points", "outlooks", "needs_most"}),
    "crossvalidation": frozenset({"folds", "pooled", "label_errors"}),
}


class Result(Protocol):
    """A result that gives itself as plain data."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        ...


@dataclass(frozen=True)
class Findings:
    """What else is known of a model; a section without its finding says in a sentence how to get it.

    Each is the result object, or the plain data that its ``to_dict`` gives.

    Attributes:
        leakage: what the splits share (`Leakage`).
        apart: scores on leaked and on clean sentences.
        robustness: flips and rules (`Robustness`).
        learning_curve: scores by the number of labelled sentences (`LearningCurve`).
        crossvalidation: scores over folds and seeds (`CrossValidation`).
    """

    leakage: Result | Plain | None = None
    apart: ApartScores | Plain | None = None
    robustness: Result | Plain | None = None
    learning_curve: Result | Plain | None = None
    crossvalidation: Result | Plain | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what is missing is None."""
        return {one.name: _as_plain(getattr(self, one.name)) for one in fields(self)}


def read_findings(paths: Sequence[Path]) -> Findings:
    """Read results that other commands wrote as JSON: ``robustness``, ``crossvalidate``, ``learning-curve``.

    Raises:
        DataError: files that cannot be read, or are none of these: all of them.
    """
    found: dict[str, Plain] = {}
    problems = []
    for path in paths:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
            problems.append(f"{path}: cannot read the results: {reason or error}")
            continue
        kind = next((name for name, keys in _KEYS.items() if isinstance(data, dict) and keys <= data.keys()), None)
        if kind is None:
            problems.append(f"{path}: no results that a report knows; expected those of {', '.join(_KEYS)}, as JSON")
        elif kind in found:
            problems.append(f"{path}: a second file of {kind}; give one")
        else:
            found[kind] = data
    if problems:
        raise DataError("\n".join(problems))
    return Findings(**found)


def _as_plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else plain(value)

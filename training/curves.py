"""Precision-recall curves: what every threshold would give, and where the one in use stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..inference.decision import DecisionRule
from ..labels.labelset import LabelSet
from .bootstrap import Floats
from .data import MASKED
from .metrics import cells
from .numbers import plain

POINTS = 200
"""The most points that a curve keeps: enough for a plot."""


@dataclass(frozen=True)
class CurvePoint:
    """What one threshold gives.

    Attributes:
        threshold: the label is given from this probability on; None where the most probable label is given instead.
        precision: share of the sentences given the label that have it; 0 if none is given it.
        recall: share of the sentences with the label that are given it.
    """

    threshold: float | None
    precision: float
    recall: float


@dataclass(frozen=True)
class Curve:
    """The precision-recall curve of one label.

    Attributes:
        points: from the highest threshold to the lowest, so that recall rises; at most `POINTS` of them. Empty where
            no sentence has the label.
        in_use: the point of the decision rule in use; None where no sentence has the label.
        support: sentences that have the label.
        base_rate: share of sentences that have it: the precision of giving it to all.
    """

    points: tuple[CurvePoint, ...]
    in_use: CurvePoint | None
    support: int
    base_rate: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return dict(plain(self))


def precision_recall_curves(
    targets: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    *,
    rule: DecisionRule,
    labels: LabelSet,
) -> dict[str, Curve]:
    """Return the precision-recall curve of every label.

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        probabilities: ``[n_sentences, n_labels]``, those that the rule's thresholds are for.
        rule: the decision rule in use.
        labels: names of the columns.
    """
    given = rule.decide(probabilities)
    tp, fp, fn = (cell.sum(axis=0) for cell in cells(targets, given))
    found = {}
    for column, name in enumerate(labels.names):
        rows = targets[:, column] != MASKED
        wanted = targets[rows, column] == 1
        threshold = None if rule.exclusive else rule.thresholds[column]
        precision = float(tp[column] / max(tp[column] + fp[column], 1))
        found[name] = Curve(
            points=_points(wanted, probabilities[rows, column]) if wanted.any() else (),
            in_use=CurvePoint(threshold, precision, float(tp[column] / (tp[column] + fn[column])))
            if wanted.any()
            else None,
            support=int(wanted.sum()),
            base_rate=float(wanted.mean()) if len(wanted) else float("nan"),
        )
    return found


def _points(wanted: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32]) -> tuple[CurvePoint, ...]:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # equal scores enter the curve as one point
    hits = np.cumsum(wanted[order])[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / wanted.sum()
    kept = _thin(precision, recall)
    return tuple(CurvePoint(float(ranked[last][k]), float(precision[k]), float(recall[k])) for k in kept)


def _thin(precision: Floats, recall: Floats) -> list[int]:
    """Return which points to keep: even steps along the curve, as most points crowd at its flat end; both ends stay."""
    if len(precision) <= POINTS:
        return list(range(len(precision)))
    path = np.cumsum(np.hypot(np.diff(precision, prepend=precision[0]), np.diff(recall, prepend=recall[0])))
    return sorted({int(k) for k in np.searchsorted(path, np.linspace(0.0, path[-1], POINTS))})

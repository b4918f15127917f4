"""Labels that are likely wrong, found by models that were not trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import MASKED, targets

ADD, REMOVE = "add", "remove"


@dataclass(frozen=True)
class LabelError:
    """A sentence whose labels should be looked at again.

    Attributes:
        place: where it was read, such as ``corpus.jsonl:17``.
        document: name of its document.
        index: place in the document.
        text: the sentence.
        roles: the roles given.
        suggested: the roles that the models suggest.
        label: the label in question.
        change: ``add`` or ``remove``; for an exclusive set ``add``, in place of the label given.
        probability: what the models say of the label, calibrated and out of fold.
        score: normalised margin, the probability of what is given less that of what is suggested: -1 is the surest
            mistake. Above 0 the models lean to what is given, though less than they do elsewhere.
    """

    place: str
    document: str
    index: int
    text: str
    roles: tuple[str, ...]
    suggested: tuple[str, ...]
    label: str
    change: str
    probability: float
    score: float


def find_label_errors(
    records: Sequence[Record], probabilities: npt.NDArray[np.float32], *, labels: LabelSet
) -> tuple[LabelError, ...]:
    """Return the labels that are likely wrong, the surest first.

    Confident learning (Northcutt, Jiang and Chuang, 2021, Confident Learning: Estimating Uncertainty in Dataset
    Labels), for each label by itself, or over all labels of an exclusive set: a sentence counts for a class if its
    probability is at least the mean over the sentences that are given this class; where that is another class than
    the given one, the label is likely wrong.

    Args:
        records: the labelled sentences.
        probabilities: ``[n_records, n_labels] float32``, calibrated, of models that were not trained on the sentence.
        labels: names of the columns.
    """
    wanted = targets(records, labels)
    found = []
    if labels.exclusive:
        rows = np.flatnonzero(wanted[:, 0] != MASKED)
        given = wanted[rows].argmax(axis=1)
        for row, kind, score in _candidates(probabilities[rows], given):
            found.append(_error(records[rows[row]], labels.names[kind], probabilities[rows[row], kind], score, labels))
    else:
        for column, name in enumerate(labels.names):
            rows = np.flatnonzero(wanted[:, column] != MASKED)
            yes = probabilities[rows, column]
            for row, _, score in _candidates(np.stack([1 - yes, yes], axis=1), (wanted[rows, column] == 1).astype(int)):
                found.append(_error(records[rows[row]], name, yes[row], score, labels))
    return tuple(sorted(found, key=lambda error: (error.score, error.place, error.document, error.index, error.label)))


def as_record(error: LabelError) -> Record:
    """Return a candidate as a row to write: the sentence as it is labelled, with what is suggested beside it."""
    extra = {
        "place": error.place,
        "suggested": list(error.suggested),
        "label": error.label,
        "change": error.change,
        "probability": error.probability,
        "score": error.score,
    }
    return Record(error.document, error.index, error.text, error.roles, extra=extra)


def _candidates(probabilities: npt.NDArray[np.float32], given: npt.NDArray[np.int64]) -> list[tuple[int, int, float]]:
    """Return row, suggested class and normalised margin of what is off the diagonal of the confident joint.

    Args:
        probabilities: ``[n_rows, n_classes]``.
        given: ``[n_rows]``, the class each row is labelled with.
    """
    scores = probabilities.astype(np.float64)
    n_classes = scores.shape[1]
    thresholds = np.array([scores[given == k, k].mean() if (given == k).any() else np.inf for k in range(n_classes)])
    confident = np.where(scores >= thresholds, scores, -1.0)
    suggested = confident.argmax(axis=1)
    rows = np.flatnonzero((confident.max(axis=1) >= 0) & (suggested != given))
    margins = scores[rows, given[rows]] - scores[rows, suggested[rows]]
    return [(int(row), int(suggested[row]), float(margin)) for row, margin in zip(rows, margins, strict=True)]


def _error(record: Record, label: str, probability: float, score: float, labels: LabelSet) -> LabelError:
    change = REMOVE if label in record.roles else ADD
    if labels.exclusive:
        suggested = tuple(name for name in labels.roles if name == label)
    else:
        suggested = tuple(name for name in labels.roles if (name in record.roles) != (name == label))
    return LabelError(
        place=record.place,
        document=record.document,
        index=record.index,
        text=record.text,
        roles=record.roles,
        suggested=suggested,
        label=label,
        change=change,
        probability=round(float(probability), 6),
        score=round(score, 6),
    )

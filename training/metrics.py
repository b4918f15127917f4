"""Scores of a multi-label classifier with bootstrap intervals that respect documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .data import MASKED

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
_CHUNK = 50  # bootstrap resamples at a time: bounds memory at 50 x n_sentences floats


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval; NaN where it is not defined (no sentence has the label, say)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelScores:
    """Scores of one label; ``support`` is the number of sentences that have it."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    average_precision: Estimate
    support: int


@dataclass(frozen=True)
class Scores:
    """Scores of a model on labelled sentences.

    Attributes:
        labels: scores by label name, the negative label of an exclusive set included.
        macro_f1: mean F1 of the roles (not the negative label) that occur in the data.
        micro_f1: F1 over all decisions on roles together.
        exact_match: share of sentences with all decisions right.
        sentences: how many sentences.
        documents: how many documents, the units that the bootstrap draws.
    """

    labels: dict[str, LabelScores]
    macro_f1: Estimate
    micro_f1: Estimate
    exact_match: Estimate
    sentences: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def score(
    targets: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    *,
    documents: Sequence[str],
    labels: LabelSet,
    resamples: int = 1000,
    seed: int = 0,
) -> Scores:
    """Score decisions and probabilities against targets.

    Intervals are 95 % percentile intervals of a cluster bootstrap: documents are drawn with replacement, with all
    their sentences, since sentences of one article are alike (Cameron, Gelbach and Miller, 2008).

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        probabilities: ``[n_sentences, n_labels]``, for average precision.
        given: ``[n_sentences, n_labels] bool``, the decisions.
        documents: the document of each sentence.
        labels: names of the columns.
        resamples: how many bootstrap samples.
        seed: of the bootstrap.
    """
    names = list(dict.fromkeys(documents))
    number = {name: index for index, name in enumerate(names)}
    of_sentence = np.array([number[name] for name in documents])
    random = np.random.default_rng(seed)
    draws = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples).astype(np.float64)
    weights = np.concatenate([np.ones((1, len(names))), draws])  # the first row is the sample itself

    valid = targets != MASKED
    wanted = (targets == 1) & valid
    counts = [_per_document(of_sentence, len(names), cell) for cell in _cells(wanted, given, valid)]
    tp, fp, fn = (weights @ count for count in counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        # A label that is never given, though it should be, has precision 0 (as in scikit-learn), not an undefined one.
        precision = np.where(tp + fp + fn > 0, tp / np.maximum(tp + fp, 1e-12), np.nan)
        recall = tp / (tp + fn)
        f1 = 2 * tp / (2 * tp + fp + fn)
        roles = [labels.names.index(name) for name in labels.roles if wanted[:, labels.names.index(name)].any()]
        pooled = [part[:, roles].sum(axis=1) for part in (tp, fp, fn)]
        micro = 2 * pooled[0] / (2 * pooled[0] + pooled[1] + pooled[2])
        right = ((wanted == given) | ~valid).all(axis=1)
        n_right, n_all = (_per_document(of_sentence, len(names), part) for part in (right, np.ones(len(right), bool)))
        exact = (weights @ n_right) / (weights @ n_all)
    macro = _nan_mean(f1[:, roles])
    precisions = _average_precision(wanted, probabilities, valid, weights, of_sentence)
    return Scores(
        labels={
            name: LabelScores(
                precision=_estimate(precision[:, column]),
                recall=_estimate(recall[:, column]),
                f1=_estimate(f1[:, column]),
                average_precision=_estimate(precisions[:, column]),
                support=int(wanted[:, column].sum()),
            )
            for column, name in enumerate(labels.names)
        },
        macro_f1=_estimate(macro),
        micro_f1=_estimate(micro),
        exact_match=_estimate(exact),
        sentences=len(targets),
        documents=len(names),
    )


def macro_f1(targets: Array, given: Array, labels: LabelSet) -> float:
    """Return macro F1 over the roles that occur in the targets, 0 if none does; the training loop's yardstick."""
    valid = targets != MASKED
    tp, fp, fn = (cell.sum(axis=0) for cell in _cells((targets == 1) & valid, given, valid))
    found = [
        2 * tp[column] / (2 * tp[column] + fp[column] + fn[column])
        for column, name in enumerate(labels.names)
        if name in labels.roles and tp[column] + fn[column] > 0
    ]
    return float(np.mean(found)) if found else 0.0


class _Cells(NamedTuple):
    """Masks ``[n_sentences, n_labels]`` of the decisions that are true positives, false positives, false negatives."""

    tp: Array
    fp: Array
    fn: Array


def _cells(wanted: Array, given: Array, valid: Array) -> _Cells:
    return _Cells(wanted & given, ~wanted & given & valid, wanted & ~given)


def _per_document(of_sentence: Array, n_documents: int, mask: Array) -> Floats:
    counts = np.zeros((n_documents, *mask.shape[1:]))
    np.add.at(counts, of_sentence, mask)
    return counts


def _average_precision(
    wanted: Array, probabilities: Array, valid: Array, weights: Floats, of_sentence: Array
) -> Floats:
    """Return average precision (the step-wise area, as scikit-learn defines it) for every row of weights."""
    result = np.full((len(weights), wanted.shape[1]), np.nan)
    for column in range(wanted.shape[1]):
        rows = np.flatnonzero(valid[:, column])
        rows = rows[np.argsort(-probabilities[rows, column], kind="stable")]
        if not len(rows):
            continue
        ranked = probabilities[rows, column]
        last = np.append(ranked[1:] != ranked[:-1], True)  # equal scores enter the curve as one point
        hits = wanted[rows, column].astype(np.float64)
        for start in range(0, len(weights), _CHUNK):
            drawn = weights[start : start + _CHUNK][:, of_sentence[rows]]
            found = np.cumsum(drawn * hits, axis=1)[:, last]
            seen = np.cumsum(drawn, axis=1)[:, last]
            with np.errstate(invalid="ignore", divide="ignore"):
                steps = np.diff(found, axis=1, prepend=0.0) / found[:, -1:]
                result[start : start + _CHUNK, column] = (steps * found / np.maximum(seen, 1e-12)).sum(axis=1)
    return result


def _estimate(values: Floats) -> Estimate:
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))


def _nan_mean(values: Floats) -> Floats:
    counted = (~np.isnan(values)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, axis=1) / np.where(counted, counted, np.nan))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return None if value != value else round(value, 6)
    return value

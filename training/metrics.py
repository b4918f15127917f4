"""Scores of a multi-label classifier with bootstrap intervals that respect documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..inference.decision import DecisionRule
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .bootstrap import Bootstrap, Floats, estimate, nan_mean
from .bootstrap import Estimate as Estimate
from .data import MASKED
from .data import targets as targets_of
from .numbers import plain

Array = npt.NDArray[Any]
_CHUNK = 50  # bootstrap resamples at a time: bounds memory at 50 x n_sentences floats


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
        example_f1: mean F1 of the sentences' sets of roles, as `example_counts` defines it.
        example_f1_at_half: the same for the decisions of the model before anything is fitted (temperature 1, threshold
            0.5), as published figures have it; None where these decisions are not at hand.
        sentences: how many sentences.
        documents: how many documents, the units that the bootstrap draws.
    """

    labels: dict[str, LabelScores]
    macro_f1: Estimate
    micro_f1: Estimate
    exact_match: Estimate
    example_f1: Estimate
    example_f1_at_half: Estimate | None
    sentences: int
    documents: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return dict(plain(self))


def score(
    targets: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    *,
    documents: Sequence[str],
    labels: LabelSet,
    given_at_half: npt.NDArray[np.bool_] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Scores:
    """Score decisions and probabilities against targets.

    Intervals are 95 % percentile intervals of a bootstrap over documents (`Bootstrap`).

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        probabilities: ``[n_sentences, n_labels]``, for average precision.
        given: ``[n_sentences, n_labels] bool``, the decisions.
        documents: the document of each sentence.
        labels: names of the columns.
        given_at_half: the decisions at temperature 1 and threshold 0.5, for the example-based F1 of published tables.
        resamples: how many bootstrap samples.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.draw(documents, resamples=resamples, seed=seed)
    valid = targets != MASKED
    wanted = (targets == 1) & valid
    counted = Cells(*(bootstrap.sums(cell) for cell in cells(targets, given)))
    tp, fp, fn = counted
    roles = roles_present(targets, labels)
    f1 = f1_scores(counted)
    with np.errstate(invalid="ignore", divide="ignore"):
        # A label that is never given, though it should be, has precision 0 (as in scikit-learn), not an undefined one.
        precision = np.where(tp + fp + fn > 0, tp / np.maximum(tp + fp, 1e-12), np.nan)
        recall = tp / (tp + fn)
        micro = f1_scores(Cells(*(part[:, roles].sum(axis=1) for part in counted)))
        exact = bootstrap.sums(all_right(targets, given)) / bootstrap.sums(np.ones(len(targets)))
    precisions = _average_precision(wanted, probabilities, valid, bootstrap)
    return Scores(
        labels={
            name: LabelScores(
                precision=estimate(precision[:, column]),
                recall=estimate(recall[:, column]),
                f1=estimate(f1[:, column]),
                average_precision=estimate(precisions[:, column]),
                support=int(wanted[:, column].sum()),
            )
            for column, name in enumerate(labels.names)
        },
        macro_f1=estimate(nan_mean(f1[:, roles])),
        micro_f1=estimate(micro),
        exact_match=estimate(exact),
        example_f1=_example_f1(targets, given, labels, bootstrap),
        example_f1_at_half=None if given_at_half is None else _example_f1(targets, given_at_half, labels, bootstrap),
        sentences=len(targets),
        documents=bootstrap.documents,
    )


def score_logits(
    logits: npt.NDArray[np.float32], records: Sequence[Record], rule: DecisionRule, labels: LabelSet
) -> Scores:
    """Apply a decision rule to logits ``[n_records, n_labels]`` and score the decisions against the records."""
    probabilities, unfitted = rule.probabilities(logits), unfitted_rule(labels)
    return score(
        targets_of(records, labels),
        probabilities,
        rule.decide(probabilities),
        documents=[record.document for record in records],
        labels=labels,
        given_at_half=unfitted.decide(unfitted.probabilities(logits)),
    )


def unfitted_rule(labels: LabelSet) -> DecisionRule:
    """Return the rule of published figures: temperature 1, threshold 0.5 (the most probable label if exclusive)."""
    return DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive)


def macro_f1(targets: Array, given: Array, labels: LabelSet) -> float:
    """Return macro F1 over the roles that occur in the targets, 0 if none does; the training loop's yardstick."""
    roles = roles_present(targets, labels)
    counts = Cells(*(cell.sum(axis=0) for cell in cells(targets, given)))
    return float(np.mean(f1_scores(counts)[roles])) if roles else 0.0


class Cells(NamedTuple):
    """True positives, false positives and false negatives: masks ``[n_sentences, n_labels]``, or sums of them."""

    tp: Array
    fp: Array
    fn: Array


def cells(targets: Array, given: Array) -> Cells:
    """Return which decisions ``[n_sentences, n_labels]`` are hits, false alarms and misses; masked ones are neither."""
    wanted, unwanted = targets == 1, (targets != 1) & (targets != MASKED)
    return Cells(wanted & given, unwanted & given, wanted & ~given)


def f1_scores(counts: Cells) -> Floats:
    """Return F1 from counts of any shape; NaN where a label neither occurs nor is given."""
    tp, fp, fn = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * tp / (2 * tp + fp + fn), dtype=np.float64)


def all_right(targets: Array, given: Array) -> npt.NDArray[np.bool_]:
    """Return which sentences have every decision right, masked ones aside: ``[n_sentences] bool``."""
    return np.asarray((((targets == 1) == given) | (targets == MASKED)).all(axis=1))


def roles_present(targets: Array, labels: LabelSet) -> list[int]:
    """Return the columns of the roles (not the negative label) that occur in the targets: those of macro F1."""
    return [k for k, name in enumerate(labels.names) if name in labels.roles and (targets[:, k] == 1).any()]


def example_counts(targets: Array, given: Array, labels: LabelSet) -> Floats:
    """Return what example-based F1 is the mean of: ``[n_sentences, 2] float64`` of the F1 of a sentence and its weight.

    For the set G of the roles of a sentence and the set P of those given it is ``2 |G and P| / (|G| + |P|)``
    (Godbole and Sarawagi, 2004, Discriminative Methods for Multi-labeled Classification). As in the published figures
    for IndiaPoliceEvents and in those of ConfliBERT, a sentence without any role that gets none is dropped (weight 0),
    and a false alarm on a sentence without any role scores 0. Masked decisions are in neither set.
    """
    roles = [k for k, name in enumerate(labels.names) if name in labels.roles]
    tp, fp, fn = (cell[:, roles].sum(axis=1) for cell in cells(targets, given))
    size = 2 * tp + fp + fn
    return np.stack([2 * tp / np.maximum(size, 1), size > 0], axis=1).astype(np.float64)


def _example_f1(targets: Array, given: Array, labels: LabelSet, bootstrap: Bootstrap) -> Estimate:
    sums = bootstrap.sums(example_counts(targets, given, labels))
    with np.errstate(invalid="ignore"):
        return estimate(sums[:, 0] / sums[:, 1])


def _average_precision(wanted: Array, probabilities: Array, valid: Array, bootstrap: Bootstrap) -> Floats:
    """Return average precision (the step-wise area, as scikit-learn defines it) for every draw."""
    weights, of_sentence = bootstrap.weights, bootstrap.of_sentence
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

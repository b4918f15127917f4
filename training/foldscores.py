"""Scores over the runs of a cross-validation: means, spreads, and all out-of-fold decisions together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .data import targets
from .foldruns import FoldRun
from .folds import Folds
from .metrics import Cells, Scores, cells, f1_scores, roles_present, score


@dataclass(frozen=True)
class Spread:
    """A score over the runs of a cross-validation.

    Attributes:
        mean: over folds and seeds; folds where the label does not occur are left out.
        deviation: standard deviation over folds and seeds: what another split and another seed would change.
        seeds: standard deviation over the seeds of one fold, as the root mean square over folds: the part of it that
            is luck of training; NaN with one seed.
    """

    mean: float
    deviation: float
    seeds: float


@dataclass(frozen=True)
class Spreads:
    """F1 by label name, and their mean over the roles that occur."""

    labels: Mapping[str, Spread]
    macro_f1: Spread


def spread_scores(folds: Folds, runs: Sequence[FoldRun], labels: LabelSet) -> Spreads:
    """Return mean and spread of F1 over runs, all of models or all of the baseline."""
    wanted = targets(folds.records, labels)
    table = np.array(
        [
            f1_by_label(wanted[folds.held_out(run.fold)], run.rule.decide(run.rule.probabilities(run.logits)), labels)
            for run in runs
        ]
    )
    of_fold = np.array([run.fold for run in runs])
    spreads = [_spread(table[:, column], of_fold) for column in range(table.shape[1])]
    return Spreads(labels=dict(zip(labels.names, spreads, strict=False)), macro_f1=spreads[-1])


def pool_scores(folds: Folds, runs: Sequence[FoldRun], labels: LabelSet) -> Scores:
    """Score all out-of-fold decisions together, each model's by its own rule, with intervals by document.

    Those of all seeds count, so this is what one model scores, not an ensemble.
    """
    seeds = len(runs) // folds.count
    rows = np.concatenate([folds.held_out(run.fold) for run in runs])
    probabilities = [run.rule.probabilities(run.logits) for run in runs]
    decisions = [run.rule.decide(some) for run, some in zip(runs, probabilities, strict=True)]
    found = score(
        targets(folds.records, labels)[rows],
        np.concatenate(probabilities),
        np.concatenate(decisions),
        documents=[folds.records[row].document for row in rows],
        labels=labels,
    )
    # Every sentence is in there once for each seed, in one document for the bootstrap.
    return replace(
        found,
        labels={name: replace(one, support=one.support // seeds) for name, one in found.labels.items()},
        sentences=found.sentences // seeds,
    )


def mean_logits(folds: Folds, runs: Sequence[FoldRun]) -> npt.NDArray[np.float32]:
    """Return what models say of each sentence out of fold, as the mean over seeds: ``[n_records, n_labels] float32``.

    Args:
        folds: the folds.
        runs: of models, not of the baseline; as many for each fold.
    """
    return _scatter(folds, runs, [run.logits for run in runs])


def mean_probabilities(folds: Folds, runs: Sequence[FoldRun]) -> npt.NDArray[np.float32]:
    """Return the same of calibrated probabilities, each model by its own temperatures."""
    return _scatter(folds, runs, [run.rule.probabilities(run.logits) for run in runs])


def _scatter(
    folds: Folds, runs: Sequence[FoldRun], values: Sequence[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    sums = np.zeros((len(folds.records), values[0].shape[1]))
    for run, some in zip(runs, values, strict=True):
        sums[folds.held_out(run.fold)] += some
    return np.asarray(sums / (len(runs) / folds.count), dtype=np.float32)


def f1_by_label(wanted: npt.NDArray[np.float32], given: npt.NDArray[np.bool_], labels: LabelSet) -> list[float]:
    """Return F1 of each label that occurs, NaN for the others, and last their mean over the roles.

    Args:
        wanted: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`.
        given: ``[n_sentences, n_labels] bool``, the decisions.
        labels: names of the columns.
    """
    f1 = f1_scores(Cells(*(cell.sum(axis=0) for cell in cells(wanted, given))))
    f1[~(wanted == 1).any(axis=0)] = np.nan
    roles = roles_present(wanted, labels)
    return [*map(float, f1), float(f1[roles].mean()) if roles else math.nan]


def _spread(values: npt.NDArray[np.float64], of_fold: npt.NDArray[np.int64]) -> Spread:
    usable = values[~np.isnan(values)]
    within = [
        some.var(ddof=1)
        for fold in np.unique(of_fold)
        if len(some := values[(of_fold == fold) & ~np.isnan(values)]) > 1
    ]
    return Spread(
        mean=float(usable.mean()) if len(usable) else math.nan,
        deviation=float(usable.std(ddof=1)) if len(usable) > 1 else math.nan,
        seeds=math.sqrt(float(np.mean(within))) if within else math.nan,
    )

"""How far probabilities can be taken at their word: expected calibration error, Brier score, reliability diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .bootstrap import Bootstrap, Estimate, Floats, estimate
from .data import MASKED
from .numbers import plain

BINS = 10
"""Bins of equal width over the probability, as in Naeini, Cooper and Hauskrecht (2015)."""
_EDGES = np.linspace(0.0, 1.0, BINS + 1)
_DRAWS = 200
_Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class ReliabilityBin:
    """The sentences whose probability lies in one bin: a point of the reliability diagram.

    Attributes:
        low: where the bin begins; this probability is in it.
        high: where it ends; this one is not, except in the last bin.
        sentences: how many.
        probability: their mean probability; NaN if there is none.
        share: how many of them really have the label, 0 to 1, with its 95 % interval (`wilson`); NaN if there is none.
    """

    low: float
    high: float
    sentences: int
    probability: float
    share: Estimate


@dataclass(frozen=True)
class Reliability:
    """How one label's probabilities agree with what was found.

    Attributes:
        error: the expected calibration error (`calibrate`), 0 to 1, the smaller the better.
        by_chance: the error that would be found on average if every probability were right, as so few sentences scatter
            around them: an error no larger than this says nothing against the probabilities. NaN without sentences.
        brier: mean squared difference of probability and truth (Brier, 1950), 0 to 1, the smaller the better.
        bins: the reliability diagram, `BINS` bins from 0 to 1, empty ones too.
    """

    error: Estimate
    by_chance: float
    brier: Estimate
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class Calibration:
    """Calibration of one label before (temperature 1) and after the fitted decision rule.

    Attributes:
        before: of the probabilities as the model gives them.
        after: of the probabilities that the decision rule makes of them, which tagged rows carry.
        sentences: how many sentences these are taken over: all but those where the label is unsure.
        support: how many of them have the label.
    """

    before: Reliability
    after: Reliability
    sentences: int
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return dict(plain(self))


def calibrate(
    targets: npt.NDArray[np.float32],
    before: npt.NDArray[np.float32],
    after: npt.NDArray[np.float32],
    *,
    documents: Sequence[str],
    labels: LabelSet,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Calibration]:
    """Measure the calibration of every label on its own, those of an exclusive set too (the label against the rest).

    The expected calibration error is that of Naeini, Cooper and Hauskrecht (2015, Obtaining Well Calibrated
    Probabilities Using Bayesian Binning), for the probability of the label: sentences go into 10 bins of equal width;
    the error is the mean over sentences of the distance between the mean probability of their bin and the share of the
    bin that has the label. With few sentences it is above 0 for a perfectly calibrated model as well, which is why its
    level by chance stands beside it (the consistency resampling of Bröcker and Smith, 2007, Increasing the Reliability
    of Reliability Diagrams), and more so in resamples: the interval (percentiles of a bootstrap over documents) then
    leans upwards.

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        before: ``[n_sentences, n_labels]``, probabilities at temperature 1.
        after: ``[n_sentences, n_labels]``, calibrated probabilities.
        documents: the document of each sentence.
        labels: names of the columns.
        resamples: how many bootstrap samples.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.draw(documents, resamples=resamples, seed=seed)
    found = {}
    for column, name in enumerate(labels.names):
        valid, wanted = targets[:, column] != MASKED, targets[:, column] == 1
        found[name] = Calibration(
            before=_reliability(wanted, before[:, column].astype(np.float64), valid, bootstrap, seed=seed),
            after=_reliability(wanted, after[:, column].astype(np.float64), valid, bootstrap, seed=seed),
            sentences=int(valid.sum()),
            support=int(wanted.sum()),
        )
    return found


def wilson(hits: float, trials: float) -> Estimate:
    """Return a share with its 95 % score interval (Wilson, 1927), which is sound for few trials as well."""
    if not trials:
        return Estimate(float("nan"), float("nan"), float("nan"))
    share = hits / trials
    centre = (share + _Z**2 / (2 * trials)) / (1 + _Z**2 / trials)
    half = _Z / (1 + _Z**2 / trials) * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def _reliability(
    wanted: npt.NDArray[np.bool_],
    probability: Floats,
    valid: npt.NDArray[np.bool_],
    bootstrap: Bootstrap,
    *,
    seed: int,
) -> Reliability:
    # In the precision of the probabilities, or 0.9 would lie below the edge at 0.9.
    number = np.digitize(probability.astype(np.float32), _EDGES[1:-1].astype(np.float32))
    in_bin = (number[:, None] == np.arange(BINS)) & valid[:, None]
    gap = bootstrap.sums(in_bin * (probability - wanted)[:, None])
    squared = bootstrap.sums(valid * (probability - wanted) ** 2)
    total = bootstrap.sums(valid)
    counts, hits, sums = in_bin.sum(axis=0), (in_bin & wanted[:, None]).sum(axis=0), probability @ in_bin
    with np.errstate(invalid="ignore"):  # a draw may hold no sentence where the label is sure
        error, brier = np.abs(gap).sum(axis=1) / total, squared / total
    return Reliability(
        error=_with_the_value(estimate(error)),
        by_chance=_error_by_chance(probability[valid], in_bin[valid], seed=seed),
        brier=estimate(brier),
        bins=tuple(
            ReliabilityBin(
                low=float(_EDGES[k]),
                high=float(_EDGES[k + 1]),
                sentences=int(counts[k]),
                probability=float(sums[k] / counts[k]) if counts[k] else float("nan"),
                share=wilson(float(hits[k]), float(counts[k])),
            )
            for k in range(BINS)
        ),
    )


def _error_by_chance(probability: Floats, in_bin: npt.NDArray[np.bool_], *, seed: int) -> float:
    if not len(probability):
        return float("nan")
    generator, bins = np.random.default_rng(seed), in_bin.astype(np.float64)
    gaps = 0.0
    for _ in range(_DRAWS):
        drawn = generator.random(len(probability)) < probability
        gaps += float(np.abs((drawn - probability) @ bins).sum())
    return gaps / (_DRAWS * len(probability))


def _with_the_value(found: Estimate) -> Estimate:
    """Widen an interval that has left its value behind, as that of a small error does: resamples only add to it."""
    return Estimate(found.value, min(found.low, found.value), max(found.high, found.value))

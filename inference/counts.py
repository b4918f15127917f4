"""Counts of roles that are corrected for the errors of the model, with intervals.

A classifier that is right nine times out of ten still counts wrongly: its false alarms and misses need not balance, and
how many of each there are changes with how frequent a role is. Two corrections are made, each from what was measured
on a test set, on the assumption that a sentence with the role is as easily found there as here:

- adjusted classify-and-count, ``(given - fpr * n) / (tpr - fpr)``: Gart and Buck (1966), Rogan and Gladen (1978) for
  diagnostic tests; Forman (2005, 2008) for text.
- the same with the sum of the probabilities in place of the decisions: Bella, Ferri, Hernandez-Orallo and
  Ramirez-Quintana (2010), Quantification via Probability Estimators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError
from .bundle import load_bundle
from .errorrates import LabelErrors, ScoreMoments
from .hub import HubAccess, fetch_model
from .tallies import Tallies, Tally

Floats = npt.NDArray[np.float64]
_DRAWS = 2000
_FEW = 30  # test sentences with a role, or without it, below which its error rates are hardly known


@dataclass(frozen=True)
class Estimate:
    """A corrected count with its interval, between 0 and the number of sentences.

    Attributes:
        value: the count; None where the test set shows no difference between sentences with the role and without.
        low: lower end.
        high: upper end.
    """

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class RoleCount:
    """How many sentences of a cell have a role.

    Attributes:
        key: the cell's period and groups.
        role: the role.
        sentences: of the cell.
        counted: sentences that were given the role.
        adjusted: adjusted classify-and-count; None without error rates.
        probability: from the sum of the probabilities; None without error rates.
    """

    key: tuple[str, ...]
    role: str
    sentences: int
    counted: int
    adjusted: Estimate | None
    probability: Estimate | None


@dataclass(frozen=True)
class _Draws:
    """The mean of what a model says of sentences with a role and without: as measured, and as it may be as well.

    Attributes:
        positive: the measured mean of sentences with the role.
        negative: that of those without.
        positives: ``[n_draws]``, means that agree with the test set.
        negatives: the same for sentences without the role.
        positive_variance: ``[n_draws]`` or one for all: of what is said of one sentence with the role.
        negative_variance: the same without it.
    """

    positive: float
    negative: float
    positives: Floats
    negatives: Floats
    positive_variance: Floats
    negative_variance: Floats


@dataclass(frozen=True)
class MeasuredErrors:
    """How often a model was wrong on its test split, by label; its name and revision."""

    errors: Mapping[str, LabelErrors]
    name: str
    revision: str


def measured_errors(model: str, *, precision: str | None, revision: str | None = None) -> MeasuredErrors:
    """Return how often a model was wrong on its test split.

    Args:
        model: a folder or a Hub id.
        precision: of the model that tagged; None for what tags by default on a CPU.
        revision: branch, tag or commit of a Hub model.

    Raises:
        ConfigError: the model does not say.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: the folder is not a model.
    """
    bundle = load_bundle(fetch_model(model, HubAccess(revision)), name=model)
    found = bundle.errors_for(precision or ("int8" if bundle.exported("int8") else "fp32"))
    if not found:
        raise ConfigError(
            f"{model} was trained before error rates were kept; measure them: eventroles evaluate MODEL DATA --json "
            "FILE, and give --errors FILE"
        )
    return MeasuredErrors(found, bundle.name, bundle.revision)


def correct(
    tallies: Tallies, errors: Mapping[str, LabelErrors], *, level: float = 0.95, seed: int = 0
) -> Iterator[RoleCount]:
    """Yield the counts of every cell and role, cell by cell.

    Intervals are for the number of sentences of the cell that have the role. They come from a parametric bootstrap:
    error rates are drawn as the test set leaves them open (beta distributions with Jeffreys' prior for shares,
    Student's t for mean probabilities, both of the effective sizes), and the decisions on the cell's own sentences vary
    as those rates say.

    Args:
        tallies: what the rows add up to.
        errors: by label; a label without is only counted, or left out if it was never given.
        level: the share of such intervals that hold the truth.
        seed: of the draws.
    """
    roles = [
        (k, name, _draw(errors[name], np.random.default_rng([seed, k])) if name in errors else ())
        for k, name in enumerate(tallies.label_names)
        if name in errors or not errors or any(cell.given[k] for cell in tallies.cells.values())
    ]
    # The same for all cells, which makes them comparable and is quick.
    noise = np.random.default_rng([seed, len(tallies.label_names)]).standard_normal(_DRAWS)
    for key in tallies.ordered():
        cell = tallies.cells[key]
        for k, name, draws in roles:
            adjusted, probability = _estimates(cell, k, draws, noise, level) if draws else (None, None)
            yield RoleCount(key, name, cell.sentences, cell.given[k], adjusted, probability)


def problems(counts: Sequence[RoleCount], errors: Mapping[str, LabelErrors]) -> list[str]:
    """Return one line for each role of which the test set is too small to say much."""
    found = []
    for role in dict.fromkeys(count.role for count in counts):
        if role not in errors:
            found.append(f"{role}: no error rates, so that it is only counted")
            continue
        measured, reasons = errors[role], []
        for what, size in (("with", measured.positives), ("without", measured.negatives)):
            if size < _FEW:
                reasons.append(f"the test set has {size} sentences {what} it, fewer than {_FEW}")
        draws = _draw(measured, np.random.default_rng(0))
        if not draws or np.quantile(draws[0].positives - draws[0].negatives, 0.025) <= 0:
            reasons.append("the test set does not show that it is given more often where it is right")
        cells = [count.adjusted for count in counts if count.role == role and count.adjusted]
        sizes = [count.sentences for count in counts if count.role == role and count.adjusted]
        open_cells = sum(cell.low <= 0 and cell.high >= size for cell, size in zip(cells, sizes, strict=True))
        if open_cells:
            reasons.append(f"{open_cells} of {len(cells)} intervals go from none to all sentences")
        if reasons:
            found.append(f"{role}: {'; '.join(reasons)}")
    return found


def _estimates(cell: Tally, k: int, draws: Sequence[_Draws], noise: Floats, level: float) -> tuple[Estimate, Estimate]:
    by_decision, by_score = draws
    return (
        _estimate(cell.given[k], cell.sentences, by_decision, noise, level),
        _estimate(cell.scores[k], cell.sentences, by_score, noise, level),
    )


def _estimate(total: float, n: int, draws: _Draws, noise: Floats, level: float) -> Estimate:
    """Return the count behind a sum over ``n`` sentences of decisions, or of probabilities."""
    difference = draws.positive - draws.negative
    value = float(np.clip((total - n * draws.negative) / difference, 0, n)) if difference > 0 else None
    differences = draws.positives - draws.negatives
    usable = differences > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.clip((total - n * draws.negatives) / differences, 0, n)
        spread = np.sqrt(first * draws.positive_variance + (n - first) * draws.negative_variance)
        counts = np.clip((total + spread * noise - n * draws.negatives) / differences, 0, n)
    # Rates that do not tell sentences apart leave every count possible.
    counts[~usable] = np.where(np.arange(int((~usable).sum())) % 2, 0.0, float(n))
    low, high = np.quantile(counts, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))


def _draw(errors: LabelErrors, random: np.random.Generator) -> tuple[_Draws, _Draws] | tuple[()]:
    """Return draws for decisions and for probabilities; nothing if the test set lacks positives or negatives."""
    if not errors.positives or not errors.negatives or not errors.positive or not errors.negative:
        return ()
    tpr, fpr = errors.tp / errors.positives, errors.fp / errors.negatives
    tprs = _draw_shares(tpr, errors.positive_effective, random)
    fprs = _draw_shares(fpr, errors.negative_effective, random)
    # Sentences of a document are as alike here as they were there.
    alike = [
        max(1.0, size / max(effective, 1.0))
        for size, effective in (
            (errors.positives, errors.positive_effective),
            (errors.negatives, errors.negative_effective),
            (errors.positives, errors.positive.effective),
            (errors.negatives, errors.negative.effective),
        )
    ]
    return (
        _Draws(tpr, fpr, tprs, fprs, alike[0] * tprs * (1 - tprs), alike[1] * fprs * (1 - fprs)),
        _Draws(
            errors.positive.mean,
            errors.negative.mean,
            _draw_means(errors.positive, random),
            _draw_means(errors.negative, random),
            np.asarray(alike[2] * errors.positive.variance),
            np.asarray(alike[3] * errors.negative.variance),
        ),
    )


def _draw_shares(share: float, size: float, random: np.random.Generator) -> Floats:
    return random.beta(share * size + 0.5, (1 - share) * size + 0.5, _DRAWS)


def _draw_means(moments: ScoreMoments, random: np.random.Generator) -> Floats:
    size = max(moments.effective, 1.0)
    # A single sentence says nothing of the spread: that of a share between 0 and 1 is at most 1/4.
    variance = moments.variance if size >= 2 else 0.25
    draws = moments.mean + np.sqrt(variance / size) * random.standard_t(max(size - 1, 1.0), _DRAWS)
    return np.asarray(np.clip(draws, 0, 1))

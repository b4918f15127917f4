"""Fitting the decision rule on validation sentences: temperature, bias and threshold of each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..inference.decision import DecisionRule
from ..labels.errors import ConfigError, require
from ..labels.labelset import LabelSet
from .data import MASKED

Floats = npt.NDArray[np.float64]
_TEMPERATURES = (0.05, 20.0)
_BIAS = 5.0  # log odds
_RESAMPLES = 200


def fit_rule(
    logits: npt.NDArray[np.float32],
    targets: npt.NDArray[np.float32],
    *,
    labels: LabelSet,
    documents: Sequence[str],
    objective: str,
    calibrate: bool,
    seed: int,
) -> DecisionRule:
    """Fit a temperature and a bias for each label, then thresholds on the calibrated probabilities.

    Temperature and bias are those of bias-corrected temperature scaling (Alexandari et al., 2020, see `DecisionRule`).
    They are fitted to the targets of Platt (1999, Probabilistic Outputs for Support Vector Machines), which lie off 0
    and 1 by as much as so few sentences allow; without both classes there are none to fit.

    Thresholds for ``f1`` are bagged: the median of the best thresholds over resamples of whole documents, because the
    best threshold of one small validation split is mostly luck. For ``precision>=x`` and ``recall>=x`` it is the
    threshold with the best recall (precision) among those that reach x on validation.

    Args:
        logits: ``[n_sentences, n_labels] float32``.
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`.
        labels: the label set; an exclusive one gets one temperature and no thresholds.
        documents: the document of each sentence.
        objective: ``f1``, ``precision>=x`` or ``recall>=x``; an exclusive set only has the first.
        calibrate: fit temperatures and biases; otherwise temperatures are 1, and there is no bias.
        seed: of the resampling.

    Raises:
        ConfigError: thresholds cannot reach the objective for some labels (all are named).
    """
    if labels.exclusive:
        if objective != "f1":
            raise ConfigError(
                "decision.objective: an exclusive label set gives the most probable label; leave it at f1"
            )
        rows = targets[:, 0] != MASKED
        temperature = _fit_softmax_temperature(logits[rows], targets[rows]) if calibrate and rows.any() else 1.0
        return DecisionRule((temperature,), (), exclusive=True, objective=objective)
    temperatures, biases = (1.0,) * len(labels), ()
    if calibrate:
        scales = [_fit_scale(logits[:, k], targets[:, k]) for k in range(len(labels))]
        temperatures, biases = (tuple(values) for values in zip(*scales, strict=True))
    rule = DecisionRule(temperatures, (0.5,) * len(labels), exclusive=False, objective=objective, biases=biases)
    probabilities = rule.probabilities(logits).astype(np.float64)
    thresholds, problems = [], []
    for k, name in enumerate(labels.names):
        rows = targets[:, k] != MASKED
        wanted, scores = targets[rows, k] == 1, probabilities[rows, k]
        if not wanted.any():
            thresholds.append(0.5)  # nothing to fit it on; the caller warns that validation lacks the label
            continue
        groups = np.unique(np.asarray(documents)[rows], return_inverse=True)[1]
        try:
            thresholds.append(_fit_threshold(wanted, scores, groups, objective, np.random.default_rng(seed)))
        except ValueError as error:
            problems.append(f"decision.objective: label {name!r}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return replace(rule, thresholds=tuple(thresholds))


class _Scale(NamedTuple):
    """How logits of one label become log odds: divided by the temperature, then the bias added."""

    temperature: float
    bias: float


def _fit_scale(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.float32]) -> _Scale:
    rows = targets != MASKED
    scores, wanted = logits[rows].astype(np.float64), targets[rows] == 1
    positive, negative = int(wanted.sum()), int((~wanted).sum())
    if not positive or not negative:
        return _Scale(1.0, 0.0)
    aims = np.where(wanted, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, bias = parameters
        scaled = slope * scores + bias
        off = 1 / (1 + np.exp(-scaled)) - aims
        gradient = np.array([np.mean(off * scores), np.mean(off)])
        return float(np.mean(np.logaddexp(0.0, scaled) - aims * scaled)), gradient

    low, high = _TEMPERATURES
    found = require("scipy.optimize", extra="train").minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1 / high, 1 / low), (-_BIAS, _BIAS)]
    )
    return _Scale(round(1 / float(found.x[0]), 6), round(float(found.x[1]), 6))


def _fit_softmax_temperature(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.float32]) -> float:
    scores = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - (scaled * targets).sum(axis=1)))

    return _minimise(loss)


def _minimise(loss: object) -> float:
    low, high = np.log(_TEMPERATURES)
    found = require("scipy.optimize", extra="train").minimize_scalar(loss, bounds=(low, high), method="bounded")
    return round(float(np.exp(found.x)), 6)


def _fit_threshold(
    wanted: npt.NDArray[np.bool_],
    scores: Floats,
    groups: npt.NDArray[np.intp],
    objective: str,
    random: np.random.Generator,
) -> float:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)
    # Half-way to the next score below: a sentence just under the line on validation is no more likely to be wrong.
    cuts = (ranked[last] + np.append(ranked[last][1:], 0.0)) / 2
    if objective == "f1":
        n_groups = int(groups.max()) + 1
        draws = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=_RESAMPLES)
        weights = draws[:, groups[order]].astype(np.float64)
        found = np.cumsum(weights * wanted[order], axis=1)
        seen = np.cumsum(weights, axis=1)
        usable = found[:, -1] > 0
        f1 = (2 * found / np.maximum(seen + found[:, -1:], 1e-12))[usable][:, last]
        return _inside(float(np.median(cuts[f1.argmax(axis=1)])))
    goal, _, text = objective.partition(">=")
    least = float(text)
    hits = np.cumsum(wanted[order])[last]
    precision, recall = hits / (np.flatnonzero(last) + 1), hits / wanted.sum()
    reached, best = (precision, recall) if goal == "precision" else (recall, precision)
    if not (reached >= least).any():
        raise ValueError(f"no threshold reaches {objective} on validation (best {reached.max():.3f}); ask for less")
    return _inside(float(cuts[np.where(reached >= least, best, -1.0).argmax()]))


def _inside(threshold: float) -> float:
    """Keep a threshold off 0 and 1, where every sentence, or none, would get the label."""
    return round(min(max(threshold, 0.01), 0.99), 6)

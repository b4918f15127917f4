"""Fitting the decision rule on validation sentences: a temperature and a threshold for each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..inference.decision import DecisionRule
from ..labels.errors import ConfigError, require
from ..labels.labelset import LabelSet
from .data import MASKED

Floats = npt.NDArray[np.float64]
_TEMPERATURES = (0.05, 20.0)
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
    """Fit temperatures (Guo et al., 2017), then thresholds on the calibrated probabilities.

    Thresholds for ``f1`` are bagged: the median of the best thresholds over resamples of whole documents, because the
    best threshold of one small validation split is mostly luck. For ``precision>=x`` and ``recall>=x`` it is the
    threshold with the best recall (precision) among those that reach x on validation.

    Args:
        logits: ``[n_sentences, n_labels] float32``.
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`.
        labels: the label set; an exclusive one gets one temperature and no thresholds.
        documents: the document of each sentence.
        objective: ``f1``, ``precision>=x`` or ``recall>=x``; an exclusive set only has the first.
        calibrate: fit temperatures; otherwise they are 1.
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
    temperatures = tuple(
        _fit_sigmoid_temperature(logits[:, k], targets[:, k]) if calibrate else 1.0 for k in range(len(labels))
    )
    rule = DecisionRule(temperatures, (0.5,) * len(labels), exclusive=False, objective=objective)
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
    return DecisionRule(temperatures, tuple(thresholds), exclusive=False, objective=objective)


def _fit_sigmoid_temperature(logits: npt.NDArray[np.float32], targets: npt.NDArray[np.float32]) -> float:
    rows = targets != MASKED
    scores, wanted = logits[rows].astype(np.float64), targets[rows].astype(np.float64)
    if wanted.min(initial=1.0) == wanted.max(initial=0.0) or not len(wanted):
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - wanted * scaled))

    return _minimise(loss)


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

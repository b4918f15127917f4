"""Review bands: which decisions a person should take, fitted for a target error, and what they leave to the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..inference.decision import EVERYTHING, Band, DecisionRule, ReviewBands
from ..labels.labelset import LabelSet
from .data import MASKED

Floats = npt.NDArray[np.float64]
GRID = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Target errors that every model has review bands for, beside the one of its config."""
_ROUND = 1e6  # the manifest keeps six decimals


@dataclass(frozen=True)
class AutomaticLabel:
    """What the review band of one label leaves to the model.

    Attributes:
        band: probabilities that go to review; None if none do.
        automatic: share of the sentences whose probability is outside.
        error_all: share of wrong decisions among all sentences.
        error_automatic: share of wrong decisions among those taken automatically; NaN if none are.
        risk: share of all sentences that are decided automatically and wrongly, which ``max_error`` bounds.
        sentences: how many were looked at.
    """

    band: Band | None
    automatic: float
    error_all: float
    error_automatic: float
    risk: float
    sentences: int


@dataclass(frozen=True)
class AutomaticShare:
    """What review bands leave to the model.

    Attributes:
        max_error: the target error of the bands.
        labels: by label; of an exclusive set a single entry, under the name of the set.
        automatic: share of the sentences of which no label is in its band.
    """

    max_error: float
    labels: dict[str, AutomaticLabel]
    automatic: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return {
            "max_error": self.max_error,
            "automatic": round(self.automatic, 6),
            "labels": {name: {k: _plain(v) for k, v in asdict(found).items()} for name, found in self.labels.items()},
        }


def fit_bands(
    rule: DecisionRule,
    logits: npt.NDArray[np.float32],
    targets: npt.NDArray[np.float32],
    *,
    max_error: float | None,
) -> DecisionRule:
    """Return a rule with review bands for ``max_error`` and for every target error of `GRID`.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, ICLR 2024): the loss of a sentence is 1 if
    its decision is taken automatically and is wrong, else 0. Of nested bands the smallest is taken for which
    ``n / (n + 1) * loss on validation + 1 / (n + 1) <= max_error``; on new sentences of the same kind the expected loss
    is then at most ``max_error``. This holds where sentences are exchangeable; those of one document are alike, and
    threshold and temperature were fitted on the same ones, so that `automatic_share` on the test split says more.

    The bands are those of Chow (1970), On Optimum Recognition Error and Reject Tradeoff: a decision goes to review if
    its own probability of being wrong reaches a cut, which is ``cut <= probability <= 1 - cut``: in logits a band of
    one half-width around 0, which ends at the threshold where that is outside. A band centred on the threshold sends
    far more to review where the threshold is far from a half: just above a threshold of 0.2 most decisions are wrong,
    just below it few are. The guarantee does not depend on calibrated probabilities; the size of the bands does.

    Args:
        rule: with temperatures and thresholds.
        logits: ``[n_sentences, n_labels] float32``, of the validation split.
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`.
        max_error: the target error of the config; None gives a rule without bands.
    """
    if max_error is None:
        return replace(rule, max_error=None, review=())
    probabilities = rule.probabilities(logits)
    columns = [_Column.of(rule, probabilities, targets, k) for k in range(_n_bands(rule, targets))]
    errors = sorted({*GRID, max_error})
    review = tuple(ReviewBands(error, tuple(column.band(error) for column in columns)) for error in errors)
    return replace(rule, max_error=max_error, review=review)


def least_sentences(max_error: float) -> int:
    """Return how many validation sentences a target error needs at least, with not one decision wrong."""
    return math.ceil(1 / max_error - 1 - 1e-9)


def warn_of_bands(rule: DecisionRule, targets: npt.NDArray[np.float32], labels: LabelSet) -> list[str]:
    """Return a warning for the labels of which everything goes to review, as validation has too few sentences."""
    if rule.max_error is None:
        return []
    needed = least_sentences(rule.max_error)
    names = [labels.name] if rule.exclusive else list(labels.names)
    found = {name: int((targets[:, k] != MASKED).sum()) for k, name in enumerate(names)}
    few = {name: count for name, count in found.items() if count < needed}
    if not few:
        return []
    had = ", ".join(f"{name} ({count})" for name, count in few.items())
    return [
        f"decision.max_error {rule.max_error:g} needs {needed} labelled validation sentences, and there are fewer: "
        f"{had}; everything of these goes to review. Label more sentences, or raise decision.max_error"
    ]


def automatic_share(
    rule: DecisionRule,
    targets: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    *,
    labels: LabelSet,
) -> AutomaticShare | None:
    """Return what the review bands of a rule leave to the model on labelled sentences; None if the rule has none.

    Args:
        rule: with review bands.
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        probabilities: ``[n_sentences, n_labels]``, calibrated.
        labels: names of the columns.
    """
    if rule.max_error is None:
        return None
    in_band = rule.in_band(probabilities)
    wrong = rule.decide(probabilities) != (targets == 1)
    if rule.exclusive:
        wrong = wrong.any(axis=1, keepdims=True)
    names = [labels.name] if rule.exclusive else list(labels.names)
    return AutomaticShare(
        max_error=rule.max_error,
        labels={
            name: _of_label(rule.bands[k], in_band[rows, k], wrong[rows, k])
            for k, name in enumerate(names)
            for rows in [targets[:, k] != MASKED]
        },
        automatic=float((~rule.needs_review(probabilities)).mean()) if len(in_band) else float("nan"),
    )


def _of_label(band: Band | None, in_band: npt.NDArray[np.bool_], wrong: npt.NDArray[np.bool_]) -> AutomaticLabel:
    def mean(values: npt.NDArray[np.bool_]) -> float:
        return float(values.mean()) if len(values) else float("nan")

    return AutomaticLabel(
        band=band,
        automatic=mean(~in_band),
        error_all=mean(wrong),
        error_automatic=mean(wrong[~in_band]),
        risk=mean(wrong & ~in_band),
        sentences=len(wrong),
    )


@dataclass(frozen=True)
class _Column:
    """The decisions that one band is fitted on: by how much the model doubts each of the wrong ones, ascending."""

    doubts: Floats
    sentences: int
    threshold: float

    @classmethod
    def of(
        cls, rule: DecisionRule, probabilities: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], k: int
    ) -> _Column:
        rows = targets[:, k] != MASKED
        given, wanted = rule.decide(probabilities[rows]), targets[rows] == 1
        if rule.exclusive:
            doubts = 1.0 - probabilities[rows].max(axis=1).astype(np.float64)
            wrong, threshold = (given != wanted).any(axis=1), 0.0  # the best label is always given
        else:
            scores = probabilities[rows, k].astype(np.float64)
            doubts = np.where(given[:, k], 1.0 - scores, scores)
            wrong, threshold = given[:, k] != wanted[:, k], rule.thresholds[k]
        return cls(np.sort(doubts[wrong]), int(rows.sum()), threshold)

    def band(self, max_error: float) -> Band | None:
        """Return the smallest band that keeps the risk: the one that leaves as many wrong decisions as are allowed."""
        allowed = math.floor(max_error * (self.sentences + 1) - 1 + 1e-9)
        if allowed < 0:
            return EVERYTHING
        if allowed >= len(self.doubts):
            return None
        cut = float(self.doubts[allowed])
        low, high = min(cut, self.threshold), max(1.0 - cut, self.threshold)
        # Outwards: a wider band is never less safe.
        return Band(math.floor(low * _ROUND) / _ROUND, math.ceil(high * _ROUND) / _ROUND)


def _n_bands(rule: DecisionRule, targets: npt.NDArray[np.float32]) -> int:
    return 1 if rule.exclusive else targets.shape[1]


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, float):
        return None if value != value else round(value, 6)
    return value

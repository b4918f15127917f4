"""From logits to calibrated probabilities to roles: the decision rule that travels with a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError, ModelError

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Band(NamedTuple):
    """Probabilities that are too unsure to decide by: ``low <= probability <= high``."""

    low: float
    high: float


EVERYTHING = Band(0.0, 1.0)
"""The band of a label of which a person decides every sentence."""


@dataclass(frozen=True)
class ReviewBands:
    """The review bands for one target error.

    Attributes:
        max_error: the share of all sentences that may be decided automatically and wrongly, for each label.
        bands: one per label, None where no sentence needs review; a single one for an exclusive label set, on the
            probability of the best label.
    """

    max_error: float
    bands: tuple[Band | None, ...]


@dataclass(frozen=True)
class DecisionRule:
    """How a model's logits become roles.

    Attributes:
        temperatures: divisors of the logits, one per label; a single one for an exclusive label set. Temperature
            scaling as in Guo et al. (2017), On Calibration of Modern Neural Networks.
        biases: what is added to the divided logits, one per label: the log odds by which a label is rarer (below 0) or
            more frequent than the model takes it to be. Bias-corrected temperature scaling, as in Alexandari, Kundaje
            and Shrikumar (2020), Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift
            Adaptation. Empty for none, as an exclusive label set has.
        thresholds: a label is given where its probability is at least this, one per label; empty for an exclusive
            set, where the most probable label is given.
        exclusive: one label a sentence (softmax) instead of any number of them (sigmoids).
        objective: what the thresholds were fitted for.
        max_error: the target error whose review bands are used; None if none are.
        review: review bands by target error, ascending; empty for a model without.
    """

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    exclusive: bool
    objective: str
    max_error: float | None = None
    review: tuple[ReviewBands, ...] = ()
    biases: tuple[float, ...] = ()

    @classmethod
    def uncalibrated(cls, n_labels: int, *, exclusive: bool) -> DecisionRule:
        """Return the rule before anything is fitted: temperatures of 1, thresholds of 0.5."""
        if exclusive:
            return cls((1.0,), (), exclusive=True, objective="none")
        return cls((1.0,) * n_labels, (0.5,) * n_labels, exclusive=False, objective="none")

    def probabilities(self, logits: Floats) -> Floats:
        """Return calibrated probabilities.

        Args:
            logits: ``[n_sentences, n_labels] float32``, a model's outputs.

        Returns:
            ``[n_sentences, n_labels] float32``; rows of an exclusive set sum to 1.

        Raises:
            ModelError: a logit is not a finite number: the weights are broken.
        """
        if not np.isfinite(logits).all():
            raise ModelError("the model gives scores that are not numbers (NaN or infinite); its weights are damaged")
        scaled = self.log_odds(logits)
        if self.exclusive:
            scaled -= scaled.max(axis=1, keepdims=True)
            exponentials = np.exp(scaled)
            return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), dtype=np.float32)
        # One branch per sign, so that no large exponent overflows.
        positive = 1.0 / (1.0 + np.exp(-np.abs(scaled)))
        return np.asarray(np.where(scaled >= 0, positive, 1.0 - positive), dtype=np.float32)

    def log_odds(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Return logits on the scale of the log odds of being right, ``[n_sentences, n_labels] float64``."""
        scaled = logits.astype(np.float64) / np.asarray(self.temperatures)
        return np.asarray(scaled + np.asarray(self.biases) if self.biases else scaled)

    def decide(self, probabilities: Floats) -> Bools:
        """Return which labels are given: ``[n_sentences, n_labels] bool``, from probabilities of the same shape."""
        if self.exclusive:
            best = probabilities.argmax(axis=1)
            return np.asarray(np.arange(probabilities.shape[1])[None, :] == best[:, None])
        return np.asarray(probabilities >= np.asarray(self.thresholds, dtype=np.float32))

    @property
    def bands(self) -> tuple[Band | None, ...]:
        """The review bands of ``max_error``; empty if there are none."""
        return next((found.bands for found in self.review if found.max_error == self.max_error), ())

    def in_band(self, probabilities: Floats) -> Bools:
        """Return which decisions are for a person: ``[n_sentences, n_labels] bool``.

        An exclusive set has one column: its labels are decided together.
        """
        scores = probabilities.max(axis=1, keepdims=True) if self.exclusive else probabilities
        found = np.zeros(scores.shape, dtype=np.bool_)
        for column, band in enumerate(self.bands):
            if band is not None:
                found[:, column] = (scores[:, column] >= band.low) & (scores[:, column] <= band.high)
        return found

    def needs_review(self, probabilities: Floats) -> Bools:
        """Return which sentences a person should look at, as a decision of theirs is: ``[n_sentences] bool``."""
        return np.asarray(self.in_band(probabilities).any(axis=1))

    def with_max_error(self, max_error: float) -> DecisionRule:
        """Return the rule with the review bands of another target error: the largest fitted one that is no larger.

        Raises:
            ConfigError: the rule has no review bands, or none for so small an error.
        """
        if not self.review:
            raise ConfigError(
                "max_error: this model has no review bands; train it with decision.max_error, or leave the option out"
            )
        fitted = [found.max_error for found in self.review if found.max_error <= max_error]
        if not fitted:
            grid = ", ".join(f"{found.max_error:g}" for found in self.review)
            raise ConfigError(f"max_error {max_error:g} is smaller than what this model has review bands for: {grid}")
        return replace(self, max_error=max(fitted))

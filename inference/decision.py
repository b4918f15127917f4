"""From logits to calibrated probabilities to roles: the decision rule that travels with a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.errors import ModelError

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DecisionRule:
    """How a model's logits become roles.

    Attributes:
        temperatures: divisors of the logits, one per label; a single one for an exclusive label set. Temperature
            scaling as in Guo et al. (2017), On Calibration of Modern Neural Networks.
        thresholds: a label is given where its probability is at least this, one per label; empty for an exclusive
            set, where the most probable label is given.
        exclusive: one label a sentence (softmax) instead of any number of them (sigmoids).
        objective: what the thresholds were fitted for.
    """

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    exclusive: bool
    objective: str

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
        scaled = logits.astype(np.float64) / np.asarray(self.temperatures)
        if self.exclusive:
            scaled -= scaled.max(axis=1, keepdims=True)
            exponentials = np.exp(scaled)
            return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), dtype=np.float32)
        # One branch per sign, so that no large exponent overflows.
        positive = 1.0 / (1.0 + np.exp(-np.abs(scaled)))
        return np.asarray(np.where(scaled >= 0, positive, 1.0 - positive), dtype=np.float32)

    def decide(self, probabilities: Floats) -> Bools:
        """Return which labels are given: ``[n_sentences, n_labels] bool``, from probabilities of the same shape."""
        if self.exclusive:
            best = probabilities.argmax(axis=1)
            return np.asarray(np.arange(probabilities.shape[1])[None, :] == best[:, None])
        return np.asarray(probabilities >= np.asarray(self.thresholds, dtype=np.float32))

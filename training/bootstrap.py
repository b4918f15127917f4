"""Intervals for scores: whole documents drawn with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval; NaN where it is not defined (no sentence has the label, say)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bootstrap:
    """Draws of documents with replacement, the sample itself being the first.

    Attributes:
        of_sentence: ``[n_sentences] int``, the number of each sentence's document.
        weights: ``[1 + resamples, n_documents] float64``, how often each document is drawn; the first row is 1.
    """

    of_sentence: npt.NDArray[np.intp]
    weights: Floats

    @classmethod
    def draw(cls, documents: Sequence[str], *, resamples: int, seed: int) -> Bootstrap:
        """Draw documents with all their sentences, since sentences of one article are alike.

        Cameron, Gelbach and Miller (2008), Bootstrap-Based Improvements for Inference with Clustered Errors.

        Args:
            documents: the document of each sentence.
            resamples: how many draws.
            seed: of the draws.
        """
        number = {name: index for index, name in enumerate(dict.fromkeys(documents))}
        of_sentence = np.array([number[name] for name in documents], dtype=np.intp)
        random = np.random.default_rng(seed)
        draws = random.multinomial(len(number), np.full(len(number), 1 / len(number)), size=resamples)
        weights = np.concatenate([np.ones((1, len(number))), draws.astype(np.float64)])
        return cls(of_sentence, weights)

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return int(self.weights.shape[1])

    def per_document(self, values: npt.NDArray[Any]) -> Floats:
        """Return the sums of ``values`` ``[n_sentences, ...]`` over each document: ``[n_documents, ...] float64``."""
        sums = np.zeros((self.documents, *values.shape[1:]))
        np.add.at(sums, self.of_sentence, values)
        return sums

    def sums(self, values: npt.NDArray[Any]) -> Floats:
        """Return the sums of ``values`` ``[n_sentences, ...]`` in every draw: ``[1 + resamples, ...] float64``."""
        return np.asarray(self.weights @ self.per_document(values))


def estimate(values: Floats) -> Estimate:
    """Return a score with its 95 % percentile interval.

    Args:
        values: ``[1 + resamples]``, the score of the sample and of every draw; draws that give NaN are left out.
    """
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))


def nan_mean(values: Floats) -> Floats:
    """Return the mean of each row of ``[n_rows, n_columns]`` over what is not NaN; NaN where nothing is left."""
    counted = (~np.isnan(values)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, axis=1) / np.where(counted, counted, np.nan))

"""A model's decisions on labelled sentences, and on other versions of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...inference.cache import ScoreCache
from ...inference.tagger import Tagger
from ...labels.records import Record
from ..data import MASKED, contexts, targets
from .flips import Bools, Flips, count_flips

_CHUNK = 8192  # texts encoded together: bounds memory, whatever the size of the data


@dataclass(frozen=True)
class Judged:
    """Probabilities ``[n_sentences, n_labels] float32`` and decisions, ``bool`` of the same shape."""

    probabilities: npt.NDArray[np.float32]
    given: Bools


class Judge:
    """Scores texts with a model, each different one once, and compares them with the sentences they were made of.

    Args:
        tagger: the model.
        records: the labelled sentences.
        seed: of the intervals.
        resamples: draws of documents for the intervals.

    Attributes:
        records: the labelled sentences.
        contexts: the text before each that the model sees; empty for a model without context.
        wanted: ``[n_records, n_labels] float32`` of 0, 1 and `MASKED`.
        plain: decisions on the sentences as they stand.
        roles: names of the labels that are compared: all but the negative one of an exclusive set.
        columns: their columns.
    """

    def __init__(self, tagger: Tagger, records: Sequence[Record], *, seed: int, resamples: int) -> None:
        self.tagger = tagger
        self.records = records
        self.seed = seed
        self._resamples = resamples
        self._scores = ScoreCache(tagger.engine)
        self.contexts = contexts(records, tagger.bundle.manifest.context)
        self.wanted = targets(records, tagger.labels)
        self.roles = tuple(tagger.labels.roles)
        self.columns = [tagger.labels.names.index(name) for name in self.roles]
        self.plain = self.judge([record.text for record in records], self.contexts)

    def judge(self, texts: Sequence[str], before: Sequence[str]) -> Judged:
        """Return the decisions on texts, each with the text before it."""
        probabilities, given = [], []
        for start in range(0, len(texts), _CHUNK):
            encoded = self.tagger.encoder.encode(texts[start : start + _CHUNK], before[start : start + _CHUNK])
            scored = self._scores.score(encoded)
            rule = self.tagger.bundle.rule_for(scored.precision)
            probabilities.append(rule.probabilities(scored.logits))
            given.append(rule.decide(probabilities[-1]))
        return Judged(np.concatenate(probabilities), np.concatenate(given))

    def compared(self, rows: npt.NDArray[np.intp]) -> Bools:
        """Return which decisions on records are compared: ``[n_rows, n_roles]``, False where unsure."""
        return np.asarray((self.wanted[rows] != MASKED)[:, self.columns])

    def flipped(self, rows: npt.NDArray[np.intp], judged: Judged) -> Bools:
        """Return which compared decisions differ from those on the records ``rows``: ``[n_rows, n_roles]``."""
        return np.asarray((judged.given != self.plain.given[rows])[:, self.columns]) & self.compared(rows)

    def count(self, rows: npt.NDArray[np.intp], flipped: Bools) -> Flips:
        """Count flips, as `flipped` returns them."""
        return count_flips(
            flipped,
            self.compared(rows),
            documents=[self.records[row].document for row in rows],
            roles=self.roles,
            resamples=self._resamples,
            seed=self.seed,
        )

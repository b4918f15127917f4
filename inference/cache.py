"""Scoring every sentence once: news repeats itself, in wire copy, by-lines and boilerplate."""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .encoding import Encoded
from .engines.engine import Engine

# Sentences kept: more than an archive has of boilerplate that is in use, in about 5 MB.
CAPACITY = 16_384


@dataclass(frozen=True, slots=True)
class Scored:
    """Sentences as one engine scored them.

    Attributes:
        logits: ``[n_sentences, n_labels] float32``, in the order of the sentences.
        precision: of the engine, which the decision rule depends on.
        repeated: ``[n_sentences] bool``, those that were not scored but have the logits of an equal one.
    """

    logits: npt.NDArray[np.float32]
    precision: str
    repeated: npt.NDArray[np.bool_]


class ScoreCache:
    """Logits of sentences that were scored already, found by what the engine sees of them: their tokens.

    Sentences that are equal within one call are always scored once. Those of earlier calls are used only if the engine
    gives the same bits whatever is scored together: with another one a sentence would be scored differently for what
    came before it. What one engine scored is forgotten when another takes over.

    Args:
        engine: scores what is not known.
        capacity: most sentences kept from one call to the next; the ones not met for longest go first. 0 keeps none.
    """

    def __init__(self, engine: Engine, *, capacity: int = CAPACITY) -> None:
        self._engine = engine
        self._capacity = capacity
        self._known: OrderedDict[bytes, bytes] = OrderedDict()  # as bytes: an array for each takes three times the room
        self._scored_by = _name(engine)

    def score(self, sentences: Sequence[Encoded]) -> Scored:
        """Return the logits of at least one sentence, all from one engine.

        Raises:
            EngineFailed: the engine cannot go on.
        """
        keys = [_key(sentence) for sentence in sentences]
        first: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            first.setdefault(key, index)
        new = self._score_new({key: sentences[index] for key, index in first.items()})
        repeated = [key not in new or first[key] != index for index, key in enumerate(keys)]
        logits = np.frombuffer(b"".join(self._known[key] for key in keys), dtype=np.float32)
        for key in first:
            self._known.move_to_end(key)
        self._forget(self._capacity if self._engine.invariant else 0)
        return Scored(logits.reshape(len(keys), -1), self._engine.precision, np.array(repeated))

    def _score_new(self, sentences: Mapping[bytes, Encoded]) -> set[bytes]:
        """Score the sentences that are not known, so that all are, by one engine; return the keys of those scored."""
        while True:
            self._forget_others()
            new = [key for key in sentences if key not in self._known]
            if not new:
                return set()
            logits = self._engine.logits([sentences[key] for key in new])
            changed = self._forget_others()
            if not changed or len(new) == len(sentences):
                self._known.update(zip(new, map(np.ndarray.tobytes, logits), strict=True))
                return set(new)

    def _forget_others(self) -> bool:
        """Forget what another engine than the present one scored; return whether there is another now."""
        changed = self._scored_by != _name(self._engine)
        if changed:
            self._forget(0)
            self._scored_by = _name(self._engine)
        return changed

    def _forget(self, keep: int) -> None:
        while len(self._known) > keep:
            self._known.popitem(last=False)


def _name(engine: Engine) -> str:
    return f"{engine.backend} {engine.precision} on {engine.device}"


def _key(sentence: Encoded) -> bytes:
    return hashlib.blake2b(array("I", sentence.ids + sentence.type_ids).tobytes(), digest_size=16).digest()

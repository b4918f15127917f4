"""Texts joined with all that are nearly the same, whatever their order, for splits that must not share them.

Method: as in `inference/dataset/duplicates.py`, MinHash in bands finds the pairs that may be alike. Here their Jaccard
similarity is then measured, and a group is all that hangs together through such pairs.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..inference.dataset.duplicates import ROWS, SEED, count_bands, cut_shingles, normalise, split_words
from ..labels.errors import require

_RECALL = 0.999  # chance that two texts just similar enough are compared: what is missed here is a leak
# Pairs looked at among the texts that share one band. In archives they are a handful. Thousands are copies of one
# template: those that are alike enough share other bands too, and meet there.
_MOST_PAIRS = 50_000


class Joined:
    """Things that are joined two by two, and the groups that this makes of them.

    Args:
        count: how many things; they are numbered from 0.
    """

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def find(self, thing: int) -> int:
        """Return the number that stands for the group of a thing, the smallest in it."""
        while self._above[thing] != thing:
            self._above[thing] = self._above[self._above[thing]]
            thing = self._above[thing]
        return thing

    def join(self, one: int, other: int) -> None:
        """Make one group of those of two things."""
        first, second = sorted((self.find(one), self.find(other)))
        self._above[second] = first

    def groups(self) -> list[int]:
        """Return the number of each thing's group."""
        return [self.find(thing) for thing in range(len(self._above))]


def link(texts: Sequence[str], *, threshold: float, shingle: int) -> list[int]:
    """Return the group of each text: texts are joined with all that are similar enough, and with what those join.

    Unlike `Clusters`, which must take one text after the other, this looks at all of them, so that the groups do not
    depend on their order. Texts of fewer words than a shingle has are joined when they are equal but for case,
    quotation marks, dashes and white space.

    Args:
        texts: the texts.
        threshold: Jaccard similarity from which on two texts are joined, above 0 and at most 1.
        shingle: words of a shingle.

    Returns:
        ``[n_texts]`` numbers, equal for texts of one group.

    Raises:
        EventRolesError: rensa is not installed.
    """
    rensa = require("rensa", extra="train")
    texts = [normalise(text) for text in texts]
    unique = sorted(set(texts))  # sorted, so that groups are the same for the same texts in any order
    shingles = [frozenset(cut_shingles(split_words(text), shingle)) for text in unique]
    joined = Joined(len(unique))
    size = ROWS * count_bands(threshold, recall=_RECALL)
    sketches = {at: _sketch(rensa.RMinHash(size, SEED), some) for at, some in enumerate(shingles) if some}
    for start in range(0, size, ROWS):
        sharing: defaultdict[bytes, list[int]] = defaultdict(list)
        for at, sketch in sketches.items():
            sharing[sketch[start : start + ROWS].tobytes()].append(at)
        for candidates in sharing.values():
            _join_similar(candidates, shingles, joined, threshold=threshold)
    number = {text: joined.find(at) for at, text in enumerate(unique)}
    return [number[text] for text in texts]


def _sketch(empty: Any, shingles: frozenset[str]) -> array[int]:
    empty.update(list(shingles))
    return array("I", empty.digest())


def _join_similar(candidates: list[int], shingles: list[frozenset[str]], joined: Joined, *, threshold: float) -> None:
    """Join those of the candidates that are similar enough, comparing two only while they are not in one group."""
    for passes in range(min(len(candidates) - 1, _MOST_PAIRS // len(candidates) + 1)):
        one = candidates[passes]
        group = joined.find(one)
        # Copies of one template soon are one group, and need not all be compared with one another.
        apart = [other for other in candidates[passes + 1 :] if joined.find(other) != group]
        if not apart and passes == 0:
            return
        ours, size = shingles[one], len(shingles[one])
        for other in apart:
            common = len(ours & shingles[other])
            if common >= threshold * (size + len(shingles[other]) - common):
                joined.join(one, other)

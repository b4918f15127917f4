"""Which roles are given in place of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from .data import MASKED
from .metrics import cells
from .numbers import plain


@dataclass(frozen=True)
class Mixup:
    """One kind of mistake on one role, and what stands in its place.

    Attributes:
        sentences: how many sentences have this mistake.
        instead: how many of them have each other role in its place, most first; sentences may have several, so these
            may add up to more than ``sentences``.
        nothing: how many of them have no role in its place.
    """

    sentences: int
    instead: Mapping[str, int]
    nothing: int


@dataclass(frozen=True)
class Confusion:
    """Confusion between the labels of a set.

    Attributes:
        names: of the rows and columns of the matrix: the labels, then one for no label, ``none``.
        matrix: ``[n_labels + 1][n_labels + 1]``, rows what sentences have, columns what they were given (`confuse`
            says how sentences with several labels are counted). The diagonal is what is right. A row of a label adds
            up to the sentences that have it, a column to those that were given it. The last column holds labels that
            were missed with nothing given instead; the last row labels given to sentences that lack nothing; the last
            cell sentences that have no label and were given none.
        missed: by label, the sentences that have it and were not given it; ``instead``: the labels that these were
            given wrongly.
        false_alarms: by label, the sentences that were given it and do not have it; ``instead``: the labels that these
            really have, found or not.
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    missed: Mapping[str, Mixup]
    false_alarms: Mapping[str, Mixup]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return dict(plain(self))


def confuse(targets: npt.NDArray[np.float32], given: npt.NDArray[np.bool_], *, labels: LabelSet) -> Confusion:
    """Count which labels are given in place of which.

    An exclusive set gets the usual matrix. Where a sentence may have several labels, every label it has and every label
    it was given counts exactly once: those in both go to the diagonal; the m missed ones and the f false alarms are
    paired evenly, 1 / max(m, f) for each pair, and what is left over on either side is paired with ``none``. So margins
    are those of precision and recall. This follows the transport-based matrix of Erbani, Portier, Egyed-Zsigmond and
    Nurbakova (2024, Confusion Matrices: A Unified Theory), with a row and a column for no label as Heydarian, Doyle
    and Samavi (2022, MLCM: Multi-Label Confusion Matrix) have them; theirs counts a label several times.

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`; a masked decision is in no set, whatever was given.
        given: ``[n_sentences, n_labels] bool``, the decisions.
        labels: names of the columns.
    """
    hits, alarms, misses = (cell.astype(np.float64) for cell in cells(targets, given))
    n_alarms, n_misses = alarms.sum(axis=1), misses.sum(axis=1)
    pairs = 1 / np.maximum(np.maximum(n_alarms, n_misses), 1)
    count = len(labels)
    matrix = np.zeros((count + 1, count + 1))
    matrix[:count, :count] = (misses * pairs[:, None]).T @ alarms + np.diag(hits.sum(axis=0))
    matrix[:count, count] = (pairs * np.maximum(n_misses - n_alarms, 0)) @ misses
    matrix[count, :count] = (pairs * np.maximum(n_alarms - n_misses, 0)) @ alarms
    known = ~(targets == MASKED).all(axis=1)  # of a row in doubt as a whole nothing can be said
    matrix[count, count] = (known & (hits + alarms + misses == 0).all(axis=1)).sum()
    return Confusion(
        names=(*labels.names, "none"),  # which no label may be called
        matrix=tuple(tuple(float(cell) for cell in row) for row in matrix),
        missed=_mixups(misses, alarms, labels),
        false_alarms=_mixups(alarms, hits + misses, labels),
    )


def _mixups(mistakes: npt.NDArray[np.float64], others: npt.NDArray[np.float64], labels: LabelSet) -> dict[str, Mixup]:
    found = {}
    for column, name in enumerate(labels.names):
        rows = others[mistakes[:, column] > 0]
        counts = {other: int(count) for other, count in zip(labels.names, rows.sum(axis=0), strict=True) if count}
        ordered = dict(sorted(counts.items(), key=lambda item: -item[1]))
        found[name] = Mixup(len(rows), ordered, int((rows.sum(axis=1) == 0).sum()))
    return found

"""The most confident mistakes of a model: each with its sentence, the sentences around it and where it was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import targets
from .metrics import cells
from .numbers import plain


@dataclass(frozen=True)
class Mistake:
    """A sentence that was given a label wrongly, or was not given one that it has.

    Attributes:
        label: the label.
        kind: ``false alarm`` or ``miss``.
        document: name of the document.
        index: place of the sentence in it.
        text: the sentence.
        before: the sentence before it in the document; empty at its start.
        after: the sentence after it; empty at its end.
        labelled: the labels that the sentence has.
        given: the labels that the model gave it.
        unsure: labels that nobody could decide, which are never mistakes.
        probability: of ``label``, calibrated.
        place: where the row was read, such as ``corpus.jsonl:17``.
    """

    label: str
    kind: Literal["false alarm", "miss"]
    document: str
    index: int
    text: str
    before: str
    after: str
    labelled: tuple[str, ...]
    given: tuple[str, ...]
    unsure: tuple[str, ...]
    probability: float
    place: str


@dataclass(frozen=True)
class LabelMistakes:
    """The most confident mistakes on one label, the most confident first.

    Attributes:
        false_alarms: sentences given the label wrongly, the highest probabilities first.
        misses: sentences that have it and were not given it, the lowest probabilities first.
        all_false_alarms: how many false alarms there are altogether.
        all_misses: how many misses there are altogether.
    """

    false_alarms: tuple[Mistake, ...]
    misses: tuple[Mistake, ...]
    all_false_alarms: int
    all_misses: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return dict(plain(self))


def confident_mistakes(
    records: Sequence[Record],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    *,
    labels: LabelSet,
    most: int,
) -> dict[str, LabelMistakes]:
    """Return for each label the mistakes whose probability is farthest from the truth.

    Args:
        records: the labelled sentences.
        probabilities: ``[n_records, n_labels]``, calibrated.
        given: ``[n_records, n_labels] bool``, the decisions.
        labels: names of the columns.
        most: how many false alarms, and how many misses, of each label.
    """
    wanted = targets(records, labels)
    around = _neighbours(records)
    _, alarms, misses = cells(wanted, given)

    def mistake(row: int, column: int, kind: Literal["false alarm", "miss"]) -> Mistake:
        record = records[row]
        return Mistake(
            label=labels.names[column],
            kind=kind,
            document=record.document,
            index=record.index,
            text=record.text,
            before=around[row][0],
            after=around[row][1],
            labelled=tuple(name for k, name in enumerate(labels.names) if wanted[row, k] == 1),
            given=tuple(name for k, name in enumerate(labels.names) if given[row, k]),
            unsure=record.unsure,
            probability=float(probabilities[row, column]),
            place=record.place,
        )

    found = {}
    for column, name in enumerate(labels.names):
        high, low = np.flatnonzero(alarms[:, column]), np.flatnonzero(misses[:, column])
        high = high[np.argsort(-probabilities[high, column], kind="stable")]
        low = low[np.argsort(probabilities[low, column], kind="stable")]
        found[name] = LabelMistakes(
            false_alarms=tuple(mistake(int(row), column, "false alarm") for row in high[:most]),
            misses=tuple(mistake(int(row), column, "miss") for row in low[:most]),
            all_false_alarms=len(high),
            all_misses=len(low),
        )
    return found


def _neighbours(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return for each record the sentence before and the one after it in its document, in the order of the index."""
    documents: dict[str, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        documents[record.document].append(position)
    found = [("", "")] * len(records)
    for positions in documents.values():
        positions.sort(key=lambda position: records[position].index)
        texts = ["", *(records[position].text for position in positions), ""]
        for number, position in enumerate(positions):
            found[position] = (texts[number], texts[number + 2])
    return found

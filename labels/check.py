"""Problems that show only when labelled sentences are looked at together."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import DataError, first_problems
from .labelset import LabelSet
from .records import Record


def conflicts(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Return pairs of records with the same text and different roles: each later one with the first it contradicts.

    Labels that are unsure on either side do not count as different.
    """
    readings: dict[str, dict[tuple[tuple[str, ...], tuple[str, ...]], Record]] = {}  # by text: one record of each
    pairs: list[tuple[Record, Record]] = []
    for record in records:
        known = readings.setdefault(record.text.strip(), {})
        earlier = next((other for other in known.values() if _contradict(other, record)), None)
        if earlier is not None:
            pairs.append((earlier, record))
        known.setdefault((record.roles, record.unsure), record)
    return pairs


def check_conflicts(records: Sequence[Record]) -> None:
    """Refuse records of the same text with different roles.

    Raises:
        DataError: there are such records; names every pair (20 shown).
    """
    pairs = conflicts(records)
    if not pairs:
        return
    lines = [
        f"{later.place}: the same text as {earlier.place} with other labels: "
        f"{', '.join(later.roles) or 'none'} here, {', '.join(earlier.roles) or 'none'} there"
        for earlier, later in pairs
    ]
    remedy = (
        f"{len(pairs)} duplicate texts have conflicting labels: make them agree, mark the label unsure, or set "
        "data.conflicts: keep (train on both) or drop (leave both out)"
    )
    raise DataError(f"{first_problems(lines, source='the data')}\n{remedy}")


def check_both_classes(records: Sequence[Record], labels: LabelSet, *, split: str) -> None:
    """Refuse records in which a label is never, or always, given: nothing can be learned from them.

    Raises:
        DataError: names every such label and what to do.
    """
    problems = []
    for name in labels.names:
        # In an exclusive set one label in doubt puts all in doubt, and a record without roles has the negative one.
        sure = [record for record in records if not (record.unsure if labels.exclusive else name in record.unsure)]
        given = [not record.roles if name == labels.negative else name in record.roles for record in sure]
        if not any(given) or all(given):
            state = "never" if not any(given) else "always"
            problems.append(
                f"label {name!r} is {state} given in the {len(given)} sentences of the {split} split: add sentences "
                f"{'with' if state == 'never' else 'without'} it, or take it out of the label set"
            )
    if problems:
        raise DataError("\n".join(problems))


def _contradict(one: Record, other: Record) -> bool:
    return bool((set(one.roles) ^ set(other.roles)) - set(one.unsure) - set(other.unsure))

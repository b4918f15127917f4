"""Cutting labelled sentences into train, validation and test so that no group is torn and labels keep their shares."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError, DataError, first_problems, nearest, shown
from ..labels.records import Record
from .stories import find_ties

PARTS = ("train", "validation", "test")
"""The names of the three splits, in the order in which a model meets them."""
STORY = "story"
"""Value of ``split.group`` for groups that are found, not read from a column."""
_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ].*)?", re.DOTALL)


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]

    @property
    def texts(self) -> list[str]:
        """The sentences of all three."""
        return [record.text for record in (*self.train, *self.validation, *self.test)]


def split_records(
    records: Sequence[Record],
    *,
    validation: float,
    test: float,
    group: str,
    seed: int,
    date: str | None = None,
    beside: Sequence[Record] = (),
) -> Splits:
    """Split records by group: stratified by label as far as whole groups allow, or by time.

    Groups are dealt out by iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011, On the Stratification of
    Multi-Label Data), with groups in place of rows: the groups of the rarest label first, each to the split that
    still lacks most of that label.

    Args:
        records: the labelled sentences.
        validation: share of the rows for validation, 0 to 1.
        test: share of the rows for test, 0 to 1.
        group: ``document``, ``story`` or the name of another column, as `group_keys` takes it.
        seed: fixes the order of groups that are equal otherwise; by time it changes nothing.
        date: column of ISO dates: groups go to train, validation and test in the order of their latest date. None
            splits by label.
        beside: sentences of splits that have files of their own: two stories may hang together through them.

    Raises:
        ConfigError: the group column is not in the data, or there are fewer groups than splits.
        DataError: rows without a readable date: all of them (20 shown).
        EventRolesError: ``group`` is ``story`` and rensa is not installed.
    """
    shares = np.array([1.0 - validation - test, validation, test])
    n_splits = int(np.count_nonzero(shares))
    if n_splits == 1 and group == STORY:
        return Splits(tuple(records), (), ())  # nothing is cut: no need to look for stories
    keys = group_keys([*records, *beside], group)[: len(records)] if group == STORY else group_keys(records, group)
    count = len(set(keys))
    if count < n_splits:
        raise ConfigError(_too_few(count, len(records), n_splits, group))
    if date is not None and n_splits > 1:
        parts = _deal_by_time(_read_days(records, date), keys, shares)
    else:
        parts = deal(records, keys, shares=shares, seed=seed)
    return Splits(*(tuple(record for record, part in zip(records, parts, strict=True) if part == k) for k in range(3)))


def deal(
    records: Sequence[Record], keys: Sequence[str], *, shares: Sequence[float] | npt.NDArray[np.float64], seed: int
) -> npt.NDArray[np.int64]:
    """Deal records out to any number of parts, whole groups each, stratified by label as `split_records` says.

    Args:
        records: the labelled sentences.
        keys: the group of each record.
        shares: of the rows, one for each part. A part with the share 0 gets nothing; of equal shares each gets a group
            if there are that many.
        seed: fixes the order of groups that are equal otherwise.

    Returns:
        ``[n_records] int64``, the number of each record's part.
    """
    number = {name: index for index, name in enumerate(dict.fromkeys(keys))}
    groups = np.array([number[key] for key in keys], dtype=np.int64)
    counts = _count_labels(records, groups, len(number))
    return _assign(counts, np.asarray(shares, dtype=np.float64), np.random.default_rng(seed))[groups]


def group_keys(records: Sequence[Record], group: str) -> list[str]:
    """Return the group of each record that splits must not tear.

    Args:
        records: the labelled sentences.
        group: ``document``; ``story`` for all that hangs together through shared documents, nearly equal sentences
            and nearly equal documents (`Ties.cluster`); or the name of another column.

    Raises:
        ConfigError: the column is not in the data.
        EventRolesError: ``group`` is ``story`` and rensa is not installed.
    """
    if group == "document":
        return [record.document for record in records]
    if group == STORY:
        return [str(cluster) for cluster in find_ties(records).cluster]
    lacking = next((record for record in records if record.extra.get(group) is None), None)
    if lacking is not None:
        columns = ["document", *lacking.extra]
        raise ConfigError(
            f"split.group: {lacking.place} has no value in column {group!r}; the columns are {', '.join(columns)}."
            f"{nearest(group, columns)}"
        )
    return [str(record.extra[group]) for record in records]


def _count_labels(records: Sequence[Record], groups: npt.NDArray[np.int64], n_groups: int) -> npt.NDArray[np.float64]:
    """Return ``[n_groups, n_labels + 2]``: rows with each label, rows with none, and all rows of each group."""
    labels = sorted({role for record in records for role in record.roles})
    column = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((n_groups, len(labels) + 2))
    for record, group in zip(records, groups, strict=True):
        for role in record.roles:
            counts[group, column[role]] += 1
        counts[group, -2] += not record.roles
        counts[group, -1] += 1
    return counts


def _assign(
    counts: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], random: np.random.Generator
) -> npt.NDArray[np.int64]:
    wanted = shares[:, None] * counts.sum(axis=0)[None, :]
    wanted[shares == 0] = -np.inf  # a split without a share gets nothing, however the others overflow
    assigned = np.full(len(counts), -1)
    shuffled = random.permutation(len(counts))
    for label in np.argsort(counts[:, :-1].sum(axis=0), kind="stable"):
        column = counts[shuffled, label]
        for group in shuffled[np.argsort(-column, kind="stable")]:
            if assigned[group] >= 0 or counts[group, label] == 0:
                continue
            split = max(range(len(shares)), key=lambda k: (wanted[k, label], wanted[k, -1]))
            assigned[group] = split
            wanted[split] -= counts[group]
    return assigned


def _too_few(found: int, rows: int, splits: int, group: str) -> str:
    if group == STORY:
        return (
            f"split.group: the {rows} rows hang together in {found} groups of stories, too few for {splits} splits; "
            "is there a sentence that stands in every document? Take it out, or name files for validation and test"
        )
    return (
        f"split.group: only {found} different values of {group!r} in {rows} rows, too few for {splits} splits; group "
        "by another column, or name files for validation and test"
    )


def _deal_by_time(
    days: npt.NDArray[np.int64], keys: Sequence[str], shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Return the split of each record: the earliest groups go to train, the latest to test, as near to the shares.

    Every split that has a share gets at least one group.
    """
    number = {name: index for index, name in enumerate(dict.fromkeys(keys))}
    groups = np.array([number[key] for key in keys], dtype=np.int64)
    latest = np.zeros(len(number), dtype=np.int64)
    np.maximum.at(latest, groups, days)
    order = np.argsort(latest, kind="stable")
    rows = np.cumsum(np.bincount(groups)[order])  # up to and with each group
    assigned = np.empty(len(number), dtype=np.int64)
    splits = np.flatnonzero(shares)
    start = 0
    for place, split in enumerate(splits):
        assigned[order[start:]] = split
        to_come = len(splits) - place - 1
        if to_come:
            ends = np.arange(start + 1, len(number) - to_come + 1)
            wanted = shares[: split + 1].sum() * len(keys)
            start = int(ends[np.argmin(np.abs(rows[ends - 1] - wanted))])
    return assigned[groups]


def _read_days(records: Sequence[Record], column: str) -> npt.NDArray[np.int64]:
    """Return ``[n_records]``: the day of each record, counted from the year 1; the time of day does not matter."""
    days, problems = [], []
    for record in records:
        value = record.extra.get(column)
        try:
            days.append(_read_date(value).toordinal())
        except ValueError:
            found = "no date" if value is None or value == "" else f"{shown(value)}, which is no date,"
            problems.append(f"{record.place or record.document}: {found} in column {column!r}")
    if problems:
        remedy = (
            "split.by: date needs a date such as 2024-05-31 in every row: fill the column, name another one in "
            f"data.columns.date, or split without dates (split.by: group).{nearest(column, records[0].extra)}"
        )
        raise DataError(f"{first_problems(problems, source='the data')}\n{remedy}")
    return np.array(days, dtype=np.int64)


def _read_date(value: object) -> datetime.date:
    if isinstance(value, datetime.datetime):  # of a Parquet file
        return value.date()
    if isinstance(value, datetime.date):
        return value
    match = _ISO_DATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(value)
    return datetime.date.fromisoformat(match[1])

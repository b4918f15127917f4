"""Cutting labelled sentences into train, validation and test so that no group is torn and labels keep their shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError, nearest
from ..labels.records import Record


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]


def split_records(records: Sequence[Record], *, validation: float, test: float, group: str, seed: int) -> Splits:
    """Split records by group, stratified by label as far as whole groups allow.

    Groups are dealt out by iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011, On the Stratification of
    Multi-Label Data), with groups in place of rows: the groups of the rarest label first, each to the split that
    still lacks most of that label.

    Args:
        records: the labelled sentences.
        validation: share of the rows for validation, 0 to 1.
        test: share of the rows for test, 0 to 1.
        group: ``document``, or the name of another column.
        seed: fixes the order of groups that are equal otherwise.

    Raises:
        ConfigError: the group column is not in the data, or there are fewer groups than splits.
    """
    shares = np.array([1.0 - validation - test, validation, test])
    keys = _group_keys(records, group)
    names = list(dict.fromkeys(keys))
    if len(names) < np.count_nonzero(shares):
        raise ConfigError(
            f"split.group: only {len(names)} different values of {group!r} in {len(records)} rows, too few for "
            f"{np.count_nonzero(shares)} splits; group by another column, or name files for validation and test"
        )
    number = {name: index for index, name in enumerate(names)}
    groups = np.array([number[key] for key in keys])
    assigned = _assign(_count_labels(records, groups, len(names)), shares, np.random.default_rng(seed))
    parts = assigned[groups]
    return Splits(*(tuple(record for record, part in zip(records, parts, strict=True) if part == k) for k in range(3)))


def _group_keys(records: Sequence[Record], group: str) -> list[str]:
    if group == "document":
        return [record.document for record in records]
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
            split = max(range(3), key=lambda k: (wanted[k, label], wanted[k, -1]))
            assigned[group] = split
            wanted[split] -= counts[group]
    return assigned

"""Scores of a model on parts of the data: by genre, region, source, length, or any other column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError, nearest
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .bootstrap import Bootstrap, Estimate, estimate, nan_mean
from .data import targets
from .metrics import Cells, all_right, cells, f1_scores, roles_present
from .numbers import plain

LENGTH = "length"
"""Name of the slice by length; a column of the data with this name comes before it."""
_SOURCE = "source"
_LENGTHS = ((10, "up to 10 words"), (20, "11-20 words"), (30, "21-30 words"))
_LONGEST = "over 30 words"
_MOST_VALUES = 30  # of a column that is sliced by unasked: more are names or texts, not groups
_REST = "all others"
# With fewer documents a bootstrap over documents gives intervals that are far too short.
_FEWEST_DOCUMENTS = 10


@dataclass(frozen=True)
class GroupLabel:
    """One label in a group: its F1 (NaN if it neither occurs nor is given), and how many sentences have it."""

    f1: float
    support: int


@dataclass(frozen=True)
class Group:
    """The sentences with one value of a column.

    Attributes:
        value: the value.
        sentences: how many.
        documents: how many documents they stand in.
        passed: how many of them have every decision right.
        macro_f1: over the roles that occur among them; NaN if none does. The interval is NaN with fewer than 10
            documents.
        labels: F1 and support of each label.
    """

    value: str
    sentences: int
    documents: int
    passed: int
    macro_f1: Estimate
    labels: Mapping[str, GroupLabel]

    @property
    def pass_rate(self) -> float:
        """Share of sentences with every decision right."""
        return self.passed / self.sentences


@dataclass(frozen=True)
class Slice:
    """The data cut up by one column.

    Attributes:
        column: the column, or `LENGTH`.
        groups: one for each of its values, in the order of the data, those of `LENGTH` from short to long.
    """

    column: str
    groups: tuple[Group, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        groups = [{**plain(group), "pass_rate": plain(group.pass_rate)} for group in self.groups]
        return {"column": self.column, "groups": groups}


def check_columns(records: Sequence[Record], by: Sequence[str]) -> None:
    """Check that the data can be cut up by some columns.

    Raises:
        ConfigError: columns are not there: all of them.
    """
    columns = dict.fromkeys(["document", *(name for record in records for name in record.extra), LENGTH])
    problems = [
        f"--by {name}: no such column; there are {', '.join(columns)}.{nearest(name, columns)}"
        for name in by
        if name not in columns
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def default_columns(records: Sequence[Record]) -> list[str]:
    """Return what the data is cut up by where nobody says: length, source, and every column with 2 to 30 values."""
    found = [LENGTH]
    for name in dict.fromkeys(name for record in records for name in record.extra):
        values = [record.extra.get(name) for record in records]
        simple = all(value is None or isinstance(value, str | int) for value in values)
        if simple and 2 <= len(set(values)) and (name == _SOURCE or len(set(values)) <= _MOST_VALUES):
            found.append(name)
    return list(dict.fromkeys(found))


def slice_scores(
    records: Sequence[Record],
    given: npt.NDArray[np.bool_],
    column: str,
    *,
    labels: LabelSet,
    whole: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> Slice:
    """Score decisions for each value of a column.

    Args:
        records: the labelled sentences.
        given: ``[n_records, n_labels] bool``, the decisions.
        column: ``document``, a column of the data, or `LENGTH`.
        labels: names of the columns of ``given``.
        whole: a group for every value; otherwise all but the 29 most frequent of more than 30 are put together.
        resamples: how many bootstrap samples, for the intervals of macro F1.
        seed: of the bootstrap.
    """
    wanted = targets(records, labels)
    built_in = column == LENGTH and not any(LENGTH in record.extra for record in records)
    values = [_length(record.text) if built_in else _value(record, column) for record in records]
    if not whole and len(set(values)) > _MOST_VALUES:
        frequent = {value for value, _ in Counter(values).most_common(_MOST_VALUES - 1)}
        values = [value if value in frequent else _REST for value in values]
    documents = np.array([record.document for record in records], dtype=object)
    cut = np.array(values, dtype=object)
    order = [name for _, name in _LENGTHS] + [_LONGEST] if built_in else dict.fromkeys(values)
    groups = []
    for value in order:
        rows = cut == value
        if rows.any():
            bootstrap = Bootstrap.draw(documents[rows].tolist(), resamples=0, seed=seed)
            if bootstrap.documents >= _FEWEST_DOCUMENTS:
                bootstrap = Bootstrap.draw(documents[rows].tolist(), resamples=resamples, seed=seed)
            groups.append(_group(value, wanted[rows], given[rows], labels, bootstrap))
    return Slice(column, tuple(groups))


def _group(
    value: str,
    wanted: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    labels: LabelSet,
    bootstrap: Bootstrap,
) -> Group:
    f1 = f1_scores(Cells(*(bootstrap.sums(cell) for cell in cells(wanted, given))))
    support = (wanted == 1).sum(axis=0)
    return Group(
        value=value,
        sentences=len(wanted),
        documents=bootstrap.documents,
        passed=int(all_right(wanted, given).sum()),
        macro_f1=estimate(nan_mean(f1[:, roles_present(wanted, labels)])),
        labels={name: GroupLabel(float(f1[0, k]), int(support[k])) for k, name in enumerate(labels.names)},
    )


def _length(text: str) -> str:
    words = len(text.split())
    return next((name for most, name in _LENGTHS if words <= most), _LONGEST)


def _value(record: Record, column: str) -> str:
    return record.document if column == "document" else str(record.extra.get(column, ""))

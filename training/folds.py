"""Folds of a cross-validation: labelled sentences cut into k parts, each held out once, no group in two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels.errors import ConfigError
from ..labels.records import Record
from .splits import STORY, Splits, deal, group_keys
from .stories import find_ties

_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Folds:
    """Labelled sentences and the fold that each is held out in.

    Attributes:
        records: the sentences.
        keys: the group of each sentence, which no fold tears.
        of_record: ``[n_records] int64``, the fold of each sentence, from 0.
        count: how many folds.
    """

    records: tuple[Record, ...]
    keys: tuple[str, ...]
    of_record: npt.NDArray[np.int64]
    count: int

    def held_out(self, fold: int) -> npt.NDArray[np.int64]:
        """Return the positions of the sentences of a fold, ascending: ``[n_held_out] int64``."""
        return np.flatnonzero(self.of_record == fold).astype(np.int64)

    def splits(
        self, fold: int, *, validation: Sequence[Record] = (), share: float = 0.0, seed: int | None = None
    ) -> Splits:
        """Return the splits of a fold: it is the test split, the others are train and validation.

        Args:
            fold: the fold that is held out, from 0.
            validation: sentences to validate every fold on; none given, they are taken from the other folds.
            share: of the rows of the other folds for validation, where they are taken from there.
            seed: which ones are taken, likewise.

        Raises:
            ConfigError: there would be no sentences for validation, or none for training.
        """
        test = tuple(self.records[row] for row in self.held_out(fold))
        rows = np.flatnonzero(self.of_record != fold)
        rest = tuple(self.records[row] for row in rows)
        if validation:
            return Splits(rest, tuple(validation), test)
        keys = [self.keys[row] for row in rows]
        parts = deal(rest, keys, shares=[1.0 - share, share], seed=seed or 0)
        train, taken = (tuple(rest[row] for row in np.flatnonzero(parts == part)) for part in (0, 1))
        if not train or not taken:
            lacking = "validation" if train else "training"
            raise ConfigError(
                f"fold {fold + 1} of {self.count} has no {lacking} sentences: {len(set(keys))} groups are left to take "
                f"them from, and split.validation is {share:g}; change split.validation, or name files in "
                "data.validation"
            )
        return Splits(train, taken, test)


def cut_folds(records: Sequence[Record], *, folds: int, group: str, seed: int) -> Folds:
    """Cut records into folds of the same size, stratified by label as far as whole groups allow.

    Args:
        records: the labelled sentences.
        folds: how many, 2 or more.
        group: what no fold tears, as for `split_records`.
        seed: fixes the order of groups that are equal otherwise.

    Raises:
        ConfigError: fewer than two folds are asked for, there are fewer groups than folds, or no such column.
        EventRolesError: stories are the groups and rensa is not installed.
    """
    if folds < 2:
        raise ConfigError(f"folds: expected 2 or more, found {folds}")
    keys = tuple(group_keys(records, group))
    count = len(set(keys))
    if count < folds:
        what = "groups of stories" if group == STORY else f"different values of {group!r}"
        fewer = f"take {count} folds or fewer" if count >= 2 else "label sentences of more of them"
        raise ConfigError(
            f"only {count} {what} in {len(records)} rows, too few for {folds} folds: {fewer}, or group by another "
            "column (split.group)"
        )
    of_record = deal(records, keys, shares=[1.0 / folds] * folds, seed=seed)
    return Folds(tuple(records), keys, of_record, folds)


def find_shared(folds: Folds) -> list[int]:
    """Return the positions of the sentences that have something in another fold which gives them away.

    That is the same or nearly the same sentence (short ones aside), or one of the same document or story, as the
    leakage gate of a training counts them.

    Raises:
        EventRolesError: rensa is not installed.
    """
    ties = find_ties(folds.records)
    found: set[int] = set()
    for numbers in (ties.near, ties.document, ties.story):
        homes: dict[int, set[int]] = {}
        for row, number in enumerate(numbers):
            if number is not None:
                homes.setdefault(number, set()).add(int(folds.of_record[row]))
        found |= {row for row, number in enumerate(numbers) if number is not None and len(homes[number]) > 1}
    return sorted(found)


def refuse_shared(folds: Folds, shared: Sequence[int], *, group: str) -> None:
    """Refuse to cross-validate on folds that share sentences, documents or stories.

    Raises:
        ConfigError: some do; gives examples with their places, and what to do.
    """
    if not shared:
        return
    places = ", ".join(folds.records[row].place or folds.records[row].document for row in shared[:_MOST_EXAMPLES])
    story = "--set split.group=story keeps together what belongs together; " if group != STORY else ""
    raise ConfigError(
        f"leakage: {len(shared)} of {len(folds.records)} sentences have nearly the same sentence, or one of the same "
        f"document or story, in another fold ({places} …); scores on them would be too good. {story}"
        "--set leakage=report goes on"
    )

"""Splits: whole groups, label shares kept as far as groups allow, the same for the same seed."""

from __future__ import annotations

import pytest
from eventroles.labels import ConfigError, Record
from eventroles.training.splits import split_records
from hypothesis import given, settings
from hypothesis import strategies as st

RARE, COMMON = ("rare",), ("common",)


def corpus(documents: int, *, rare_every: int = 5) -> list[Record]:
    """Return documents of ten sentences: every second one common, and every n-th document with one rare label."""
    return [
        Record(
            f"d{document}",
            index,
            f"text {document} {index}",
            RARE if index == 0 and document % rare_every == 0 else COMMON if index % 2 else (),
            extra={"region": f"r{document % 7}"},
        )
        for document in range(documents)
        for index in range(10)
    ]


def test_no_document_comes_apart_and_no_row_is_lost() -> None:
    records = corpus(50)
    splits = split_records(records, validation=0.1, test=0.2, group="document", seed=3)
    parts = [{record.document for record in part} for part in (splits.train, splits.validation, splits.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert sorted(map(id, records)) == sorted(map(id, (*splits.train, *splits.validation, *splits.test)))


def test_shares_of_rows_and_of_a_rare_label_are_kept() -> None:
    splits = split_records(corpus(100), validation=0.1, test=0.2, group="document", seed=3)
    assert [700, 100, 200] == [len(part) for part in (splits.train, splits.validation, splits.test)]
    counts = [sum(record.roles == RARE for record in part) for part in (splits.train, splits.validation, splits.test)]
    assert [14, 2, 4] == counts


def test_the_seed_decides_which_documents_go_where() -> None:
    first, again, other = (
        split_records(corpus(40), validation=0.2, test=0.2, group="document", seed=s) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_any_column_can_be_the_group() -> None:
    splits = split_records(corpus(70), validation=0.2, test=0.2, group="region", seed=1)
    regions = [{record.extra["region"] for record in part} for part in (splits.train, splits.validation, splits.test)]
    assert 7 == sum(map(len, regions)) == len(set.union(*regions))


def test_a_split_without_a_share_stays_empty() -> None:
    splits = split_records(corpus(20), validation=0.0, test=0.3, group="document", seed=1)
    assert () == splits.validation
    assert splits.train
    assert splits.test


def test_a_group_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no value in column 'regoin'.*Did you mean 'region'"):
        split_records(corpus(5), validation=0.2, test=0.2, group="regoin", seed=1)


def test_fewer_groups_than_splits_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"only 2 different values.*too few for 3 splits"):
        split_records(corpus(2), validation=0.2, test=0.2, group="document", seed=1)


@given(st.lists(st.tuples(st.integers(0, 12), st.sets(st.sampled_from("abc"))), min_size=20), st.integers(0, 5))
@settings(max_examples=50)
def test_any_grouping_is_split_whole(rows: list[tuple[int, set[str]]], seed: int) -> None:
    records = [Record(f"d{d}", i, f"t{i}", tuple(sorted(roles))) for i, (d, roles) in enumerate(rows)]
    if len({record.document for record in records}) < 3:
        return
    splits = split_records(records, validation=0.2, test=0.2, group="document", seed=seed)
    homes = [{record.document for record in part} for part in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, homes)) == len(set.union(*homes))
    assert len(records) == sum(map(len, (splits.train, splits.validation, splits.test)))

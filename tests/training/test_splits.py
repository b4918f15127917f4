"""Splits: whole groups, label shares kept as far as groups allow, the same for the same seed."""

from __future__ import annotations

import datetime
import itertools

import pytest
from eventroles.labels import ConfigError, DataError, Record
from eventroles.training.splits import group_keys, split_records
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


def dated(days: list[list[str]]) -> list[Record]:
    """Return a document for each list of dates, with a row for each date."""
    return [
        Record(f"d{d}", i, f"text {d} {i}", (), place=f"a.jsonl:{d}", extra={"day": day, "genre": "x"})
        for d, some in enumerate(days)
        for i, day in enumerate(some)
    ]


def test_a_split_by_date_trains_on_the_past_and_tests_on_what_came_last() -> None:
    days = [[f"2024-03-{day:02d}"] * 2 for day in (9, 2, 7, 4, 1, 6, 3, 10, 8, 5)]
    splits = split_records(dated(days), validation=0.2, test=0.2, group="document", seed=1, date="day")
    found = [sorted({row.extra["day"] for row in part}) for part in (splits.train, splits.validation, splits.test)]
    assert [[f"2024-03-{day:02d}" for day in some] for some in (range(1, 7), (7, 8), (9, 10))] == found


def test_a_document_of_many_days_goes_where_its_latest_day_belongs_and_is_not_torn() -> None:
    days = [["2024-01-01", "2024-12-01"], *([f"2024-{month:02d}-05"] for month in range(1, 11))]
    splits = split_records(dated(days), validation=0.2, test=0.2, group="document", seed=1, date="day")
    assert {"d0", "d10"} >= {row.document for row in splits.test} > set()
    assert 2 == sum(row.document == "d0" for row in splits.test)


@pytest.mark.parametrize(
    "day",
    [
        "2024-05-31",
        " 2024-05-31T23:10:00Z",
        "2024-05-31 08:00",
        datetime.date(2024, 5, 31),
        datetime.datetime(2024, 5, 31, 4, tzinfo=datetime.timezone.utc),
    ],
)
def test_dates_may_have_a_time_or_come_from_parquet(day: object) -> None:
    records = [Record(f"d{i}", 0, "x", (), extra={"day": value}) for i, value in enumerate([day, "2024-01-01"])]
    splits = split_records(records, validation=0.0, test=0.5, group="document", seed=1, date="day")
    assert ["d0"] == [row.document for row in splits.test]


def test_rows_without_a_readable_date_are_all_named() -> None:
    records = dated([["2024-01-01"], ["31.5.2024"], [""], ["2024-02-30"], ["2024-01-04"]])
    records.append(Record("d5", 0, "x", (), place="a.jsonl:5", extra={"dya": "2024-01-05"}))
    with pytest.raises(DataError) as caught:
        split_records(records, validation=0.2, test=0.2, group="document", seed=1, date="day")
    *lines, remedy = str(caught.value).splitlines()
    assert [f"a.jsonl:{row}" for row in (1, 2, 3, 5)] == [line.split(": ")[0] for line in lines]
    assert "'31.5.2024', which is no date, in column 'day'" in lines[0]
    assert "no date in column 'day'" in lines[1]
    assert "data.columns.date" in remedy


@given(
    st.lists(st.tuples(st.integers(0, 9), st.dates()), min_size=3, max_size=60),
    st.sampled_from([(0.1, 0.1), (0.0, 0.3), (0.3, 0.0), (0.45, 0.45)]),
)
@settings(max_examples=60)
def test_no_group_is_torn_and_none_of_train_ends_after_one_of_test(
    rows: list[tuple[int, datetime.date]], shares: tuple[float, float]
) -> None:
    records = [Record(f"d{d}", i, f"t{i}", (), extra={"day": day.isoformat()}) for i, (d, day) in enumerate(rows)]
    if len({record.document for record in records}) < 3:
        return
    validation, test = shares
    splits = split_records(records, validation=validation, test=test, group="document", seed=1, date="day")
    parts = [part for part in (splits.train, splits.validation, splits.test) if part]
    assert 1 + bool(validation) + bool(test) == len(parts)
    homes = [{record.document for record in part} for part in parts]
    assert sum(map(len, homes)) == len(set.union(*homes))
    latest = {d: max(day for other, day in rows if f"d{other}" == d) for d in set.union(*homes)}
    for earlier, later in itertools.pairwise(homes):
        assert max(latest[d] for d in earlier) <= min(latest[d] for d in later)


def test_stories_hang_together_through_rows_of_other_files() -> None:
    words = [f"word{n}" for n in range(40)]
    chain = [" ".join(words[:20]), " ".join([*words[4:20], *words[20:22]]), " ".join(words[8:22])]
    first, bridge, last = (Record(f"d{n}", 0, text, ()) for n, text in enumerate(chain))
    keys = group_keys([first, last], "story")
    assert 2 == len(set(keys))
    assert 1 == len(set(group_keys([first, last, bridge], "story")))
    with pytest.raises(ConfigError, match="hang together in 1 groups of stories"):
        split_records([first, last], validation=0.0, test=0.5, group="story", seed=1, beside=[bridge])

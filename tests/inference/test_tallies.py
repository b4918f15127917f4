"""Tagged rows added up by period and group, from a folder or a file, and what cannot be added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from eventroles.inference.documents import Document
from eventroles.inference.options import RunOptions
from eventroles.inference.outcome import Origin
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.rows import Table
from eventroles.inference.run import run
from eventroles.inference.sinks import open_sink
from eventroles.inference.tallies import NO_DATE, Tallies, add_up, find_rows, period_of
from eventroles.labels import ConfigError, DataError

TABLE = Table(("attack", "aid"), "m", "r")
every_format = pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])


def document(date: str | None, *scores: float, source: str = "a.zip", desk: str | None = "north") -> TaggedDocument:
    """Return a document with a sentence for each score of attack; the one of aid is a half."""
    sentences = tuple(
        TaggedSentence(n, 0, 1, "x", ("attack",) if score >= 0.5 else (), {"attack": score, "aid": 0.5}, review=n == 0)
        for n, score in enumerate(scores)
    )
    metadata = {} if desk is None else {"desk": desk}
    return TaggedDocument(Document(f"{source}/x", "", "x", source, date=date, metadata=metadata), sentences)


def write(path: Path, *documents: TaggedDocument, clusters: Iterable[str] = ()) -> Path:
    table = Table(TABLE.label_names, "m", "r", clusters=bool(clusters))
    numbers = iter(clusters)
    with open_sink(path, table.columns) as sink:
        for tagged in documents:
            for row in table.rows(tagged):
                sink.write({**row, "sentence_cluster": next(numbers)} if clusters else row)
    return path


def sums(tallies: Tallies) -> dict[tuple[str, ...], tuple[int, list[int], list[float]]]:
    found = ((key, tallies.cells[key]) for key in tallies.ordered())
    return {key: (cell.sentences, cell.given, [round(score, 6) for score in cell.scores]) for key, cell in found}


@every_format
def test_sentences_roles_and_scores_are_added_up_by_month_and_column(tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path / f"t.{suffix}",
        document("2026-03-31T23:00:00+00:00", 0.9, 0.2),
        document("2026-04-01", 0.7, source="b.zip"),
        document("20260302", 0.6),
        document(None, 0.1),
    )
    tallies = add_up(find_rows(str(path)), by=["source", "month"])
    assert (("period", "source"), ("attack", "aid")) == (tallies.by, tallies.label_names)
    assert {
        ("2026-03", "a.zip"): (3, [2, 0], [1.7, 1.5]),
        ("2026-04", "b.zip"): (1, [1, 0], [0.7, 0.5]),
        (NO_DATE, "a.zip"): (1, [0, 0], [0.1, 0.5]),
    } == sums(tallies)
    assert list(sums(tallies))[-1] == (NO_DATE, "a.zip")
    assert {("m", "r")} == tallies.models
    assert 0 == tallies.unread_dates


@pytest.mark.parametrize(
    ("date", "unit", "period"),
    [
        ("2026-01-01", "year", "2026"),
        ("2026", "year", "2026"),
        ("2026", "month", NO_DATE),
        ("2026-07", "month", "2026-07"),
        ("2026-07", "week", NO_DATE),
        ("2027-01-01", "week", "2026-W53"),
        ("2026-03-01T06:00:00Z", "day", "2026-03-01"),
        ("20260301T060000Z", "day", "2026-03-01"),
        ("2026-02-30", "day", NO_DATE),
        ("1 March 2026", "year", NO_DATE),
        ("20261", "year", NO_DATE),
        (None, "day", NO_DATE),
    ],
)
def test_a_date_has_a_period_if_it_says_as_much(date: str | None, unit: str, period: str) -> None:
    assert period == period_of(date, unit)


@every_format
def test_groups_may_be_entries_of_metadata_and_rows_be_chosen(tmp_path: Path, suffix: str) -> None:
    rows = find_rows(
        str(write(tmp_path / f"t.{suffix}", document("2026-03-01", 0.9, 0.8), document("2026-03-02", 0.7, desk=None)))
    )
    assert {("(none)",): 1, ("north",): 2} == {key: cell[0] for key, cell in sums(add_up(rows, by=["desk"])).items()}
    assert [2, 1] == [cell[0] for cell in sums(add_up(rows, by=["review"], where={"review": "true"})).values()] + [
        add_up(rows, by=["review"], where={"review": "false"}).cells[("false",)].sentences
    ]
    assert {} == sums(add_up(rows, by=["month"], where={"desk": "south"}))


def test_dates_that_are_no_iso_dates_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", document("March 1, 2026", 0.9, 0.8), document("2026-03-01", 0.9))
    assert 2 == add_up(find_rows(str(path)), by=["month"]).unread_dates


def test_boilerplate_without_scores_is_left_out(tmp_path: Path) -> None:
    left_out = TaggedDocument(Document("a", "", "x", "a"), (TaggedSentence(0, 0, 1, "x", (), {}),))
    tallies = add_up(find_rows(str(write(tmp_path / "t.csv", document(None, 0.9), left_out))), by=["month"])
    assert (1, 1) == (tallies.unscored, tallies.cells[(NO_DATE,)].sentences)


@every_format
def test_near_duplicates_are_counted_once_where_that_is_asked_for(tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path / f"t.{suffix}",
        document("2026-03-01", 0.9, 0.8, 0.1),
        document("2026-04-01", 0.7),
        clusters=["ffff000011112222", "0123456789abcdef", "ffff000011112222", "0123456789abcdef"],
    )
    assert [3, 1] == [cell[0] for cell in sums(add_up(find_rows(str(path)), by=["month"])).values()]
    assert [2] == [cell[0] for cell in sums(add_up(find_rows(str(path)), by=["month"], unique=True)).values()]
    with pytest.raises(ConfigError, match="no column sentence_cluster; tag into a folder with --deduplicate"):
        add_up(find_rows(str(write(tmp_path / "u.jsonl", document(None, 0.9)))), by=["month"], unique=True)


def tag(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
    for item in items:
        if isinstance(item, Document):
            yield TaggedDocument(item, (TaggedSentence(0, 0, 1, "x", ("aid",), {"attack": 0.25, "aid": 0.75}),))
        else:
            yield item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset folder of three parts and three rows."""
    (tmp_path / "in.jsonl").write_text(
        "".join(f'{{"text": "Aid came to town {n}.", "date": "2026-0{n}-01"}}\n' for n in (1, 2, 3)), encoding="utf-8"
    )
    options = RunOptions(format="jsonl", part_size=5)
    origin = Origin(("attack", "aid"), "m", "r", "a stand-in", "int8")
    run(tag, [tmp_path / "in.jsonl"], output=tmp_path / "tags", origin=origin, options=options)
    return tmp_path / "tags"


def test_a_dataset_folder_is_counted_whole_and_knows_its_precision(folder: Path) -> None:
    rows = find_rows(str(folder))
    assert (3, "int8", ["attack", "aid"]) == (len(rows.paths), rows.precision, rows.label_names)
    assert {("2026",): (3, [0, 3], [0.75, 2.25])} == sums(add_up(rows, by=["year"]))


def test_a_part_that_a_killed_run_left_is_not_counted(folder: Path) -> None:
    (folder / "rows" / "part-00009.jsonl").write_bytes((folder / "rows" / "part-00000.jsonl").read_bytes())
    assert 3 == add_up(find_rows(str(folder)), by=["year"]).cells[("2026",)].sentences


def test_what_was_not_tagged_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        find_rows(str(tmp_path / "gone.csv"))
    with pytest.raises(ConfigError, match=r"no manifest\.sqlite in it"):
        find_rows(str(tmp_path))
    (tmp_path / "t.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"expected \.jsonl, \.csv or \.parquet"):
        find_rows(str(tmp_path / "t.json"))
    for name, text in (("a.jsonl", '{"text": "x"}\n'), ("b.csv", "text,roles\nx,y\n"), ("c.jsonl", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="are not those that `eventroles tag` writes"):
            find_rows(str(tmp_path / name))
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        find_rows(str(tmp_path / "d.parquet"))


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (["month", "week"], "one period"),
        (["source", "source"], "each column once"),
        (["sorce"], "no column or entry of metadata is called 'sorce'. Did you mean 'source'"),
    ],
)
def test_groups_that_cannot_be_are_refused(tmp_path: Path, by: list[str], reason: str) -> None:
    rows = find_rows(str(write(tmp_path / "t.jsonl", document("2026-03-01", 0.9))))
    with pytest.raises(ConfigError, match=reason):
        add_up(rows, by=by)

"""A run into a dataset folder: parts, resuming, changes of the inputs, and what it refuses to mix."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from eventroles.inference.dataset import folder as dataset_module
from eventroles.inference.documents import Document, Limits
from eventroles.inference.options import RunOptions
from eventroles.inference.outcome import Origin, RunSummary
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.run import run
from eventroles.inference.sentences import split_sentences
from eventroles.labels.errors import ConfigError, DataError

LABELS = ("attack", "aid")
ORIGIN = Origin(LABELS, "m", "r1", "a stand-in", "fp32")


def tag(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
    """Give each sentence the labels whose names it holds."""
    for item in items:
        if not isinstance(item, Document):
            yield item
            continue
        sentences = [
            TaggedSentence(
                sentence.index,
                sentence.start,
                sentence.end,
                sentence.text,
                tuple(name for name in LABELS if name in sentence.text),
                {name: float(name in sentence.text) for name in LABELS},
            )
            for sentence in split_sentences(item.text)
        ]
        yield TaggedDocument(item, tuple(sentences))


class Archive:
    """A folder of texts and the folder that they are tagged into, in parts of a few documents."""

    def __init__(self, folder: Path) -> None:
        self.inputs = folder / "in"
        self.output = folder / "out"
        self.inputs.mkdir(parents=True)

    def add(self, name: str, text: str) -> Path:
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(
        self,
        function: Callable[..., Iterator[object]] = tag,
        *,
        stop: Callable[[], bool] | None = None,
        origin: Origin = ORIGIN,
        output: Path | None = None,
        **options: object,
    ) -> RunSummary:
        chosen = RunOptions(**{"format": "jsonl", "part_size": 100, **options})
        return run(function, [self.inputs], output=output or self.output, origin=origin, options=chosen, stop=stop)

    def rows(self) -> list[dict]:
        parts = sorted((self.output / "rows").iterdir())
        return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]

    def documents(self) -> list[str]:
        return list(dict.fromkeys(row["document"] for row in self.rows()))


def files(folder: Path) -> dict[str, bytes]:
    """Return what a finished run leaves, but for the reports, which tell the time, and the ledger."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("report.json", "report.txt", "manifest.sqlite")
    }


@pytest.fixture
def archive(tmp_path) -> Archive:
    made = Archive(tmp_path)
    for number in range(12):
        made.add(f"{number:02}.txt", f"Town {number} was under attack. Then aid came by road {number}. It rained.")
    rows = "".join(json.dumps({"id": f"row {n}", "text": f"In {n} the attack failed. Rain."}) + "\n" for n in range(9))
    made.add("05.jsonl", rows + "nonsense\n")
    made.add("07b.txt", "")
    return made


def test_a_folder_holds_parts_ledger_failures_and_report(archive):
    summary = archive.run(keep_text=True)
    assert {"rows", "text", "manifest.sqlite", "failures.jsonl", "report.json", "report.txt"} == {
        path.name for path in archive.output.iterdir() if path.name != ".lock"
    }
    assert len(list((archive.output / "rows").iterdir())) > 4
    assert (summary.documents, summary.sentences, summary.failed) == (21, 12 * 3 + 9 * 2, 2)
    assert {"attack": 21, "aid": 12} == dict(summary.roles)
    failures = [json.loads(line) for line in (archive.output / "failures.jsonl").read_text().splitlines()]
    assert [("05.jsonl:10", "05.jsonl", "read"), ("07b.txt", "07b.txt", "read")] == [
        (failure["document"], failure["source"], failure["stage"]) for failure in failures
    ]


def test_kept_texts_are_what_the_offsets_point_into(archive):
    archive.run(keep_text=True)
    texts = {}
    for part in sorted((archive.output / "text").iterdir()):
        for line in part.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts[row["document"]] = row["text"]
    rows = archive.rows()
    assert len(rows) == 54
    assert all(row["text"] == texts[row["document"]][row["start"] : row["end"]] for row in rows)


def test_every_format_holds_the_same_rows(archive, tmp_path):
    archive.run()
    archive.run(output=tmp_path / "parquet", format="parquet")
    archive.run(output=tmp_path / "csv", format="csv")
    tables = [pq.read_table(part).to_pylist() for part in sorted((tmp_path / "parquet" / "rows").iterdir())]
    assert [row["text"] for row in archive.rows()] == [row["text"] for table in tables for row in table]
    assert sorted(part.stem for part in (tmp_path / "csv" / "rows").iterdir()) == sorted(
        part.stem for part in (archive.output / "rows").iterdir()
    )


def test_the_same_command_again_reads_nothing_and_changes_nothing(archive):
    archive.run(keep_text=True)
    before = files(archive.output)

    def never(items: Iterable[object], **_: bool) -> Iterator[object]:
        assert [] == list(items)
        yield from ()

    summary = archive.run(never, keep_text=True)
    assert before == files(archive.output)
    assert summary.plan is not None
    assert (summary.plan.sources, summary.plan.earlier, summary.sentences, summary.tagged) == (0, 14, 54, 0)


@pytest.mark.parametrize("documents", [0, 1, 5, 7, 12, 20])
def test_a_run_that_breaks_off_anywhere_and_goes_on_gives_the_bytes_of_one_that_did_not(archive, tmp_path, documents):
    archive.run(keep_text=True, output=tmp_path / "whole")

    def breaking(items: Iterable[object], **options: bool) -> Iterator[object]:
        seen = 0
        for item in tag(items, **options):
            if isinstance(item, TaggedDocument):
                if seen == documents:
                    raise MemoryError
                seen += 1
            yield item

    with pytest.raises(MemoryError):
        archive.run(breaking, keep_text=True)
    assert not (archive.output / "failures.jsonl").exists()
    archive.run(keep_text=True)
    assert files(tmp_path / "whole") == files(archive.output)


def test_a_wish_to_stop_is_met_at_the_end_of_a_part_and_the_next_run_goes_on(archive, tmp_path):
    archive.run(output=tmp_path / "whole")
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 2

    stopped = archive.run(stop=stop)
    assert not stopped.is_complete
    assert len(list((archive.output / "rows").iterdir())) == 2
    assert "interrupted: run the same command again" in (archive.output / "report.txt").read_text()
    assert archive.run().is_complete
    assert files(tmp_path / "whole") == files(archive.output)


def test_what_a_killed_run_left_beside_the_ledger_is_written_again(archive, tmp_path):
    archive.run(output=tmp_path / "whole", keep_text=True)
    archive.run(stop=lambda: True, keep_text=True)
    (archive.output / "rows" / "part-00001.jsonl").write_bytes(b"written, but not entered")
    (archive.output / "rows" / ".part-00002.jsonl.partial").write_bytes(b"half")
    (archive.output / "text" / "part-00077.jsonl").write_bytes(b"of another world")
    archive.run(keep_text=True)
    assert files(tmp_path / "whole") == files(archive.output)


def test_a_changed_input_is_read_again_and_no_other(archive):
    archive.run()
    before = {row["document"]: row["text"] for row in archive.rows()}
    archive.add("03.txt", "Nothing happened. Aid was sent.")
    summary = archive.run(keep_text=False)
    assert summary.plan is not None
    assert (("03.txt",), 1) == (summary.plan.changed, summary.plan.sources)
    rows = archive.rows()
    assert ["Nothing happened.", "Aid was sent."] == [row["text"] for row in rows if row["document"] == "03.txt"]
    assert len(rows) == 54 - 1
    assert sorted(before) == sorted({row["document"] for row in rows})
    assert (summary.documents, summary.sentences, summary.roles["attack"]) == (21, 53, 20)


def test_a_table_over_several_parts_that_changed_leaves_none_of_its_old_rows(archive):
    archive.run(keep_text=True)
    archive.add("05.jsonl", '{"id": "only", "text": "One attack."}\n')
    summary = archive.run(keep_text=True)
    assert (summary.documents, summary.failed) == (13, 1)
    assert ["only"] == [row["document"] for row in archive.rows() if row["source"] == "05.jsonl"]
    texts = "".join(part.read_text(encoding="utf-8") for part in (archive.output / "text").iterdir()).splitlines()
    assert sorted(archive.documents()) == sorted(json.loads(line)["document"] for line in texts)


def test_an_input_that_was_only_touched_is_not_read_again(archive):
    archive.run()
    os.utime(archive.inputs / "03.txt", ns=(1, 1))
    for _ in range(2):
        summary = archive.run()
        assert summary.plan is not None
        assert summary.plan.sources == 0


def test_a_new_input_is_added_and_a_removed_one_reported_with_its_rows_kept(archive):
    archive.run()
    (archive.inputs / "01.txt").unlink()
    archive.add("99.txt", "Late aid.")
    summary = archive.run()
    assert summary.plan is not None
    assert (summary.plan.removed, summary.plan.sources, summary.documents) == (("01.txt",), 1, 22)
    assert {"01.txt", "99.txt"} <= set(archive.documents())
    report = json.loads((archive.output / "report.json").read_text())
    assert ["01.txt"] == report["inputs"]["gone"]


def test_failed_inputs_are_left_alone_unless_they_are_asked_for(archive):
    archive.run()
    assert archive.run().tagged == 0
    again = archive.run(retry_failed=True)
    assert again.plan is not None
    assert (("05.jsonl", "07b.txt"), 21, 2) == (again.plan.changed, again.documents, again.failed)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"origin": Origin(LABELS, "m", "r2", "", "fp32")}, 'revision was "r1" there and is "r2" now'),
        ({"origin": Origin(LABELS, "m", "r1", "", "int8")}, 'precision was "fp32" there and is "int8" now'),
        ({"origin": Origin(LABELS, "m", "r1", "", "fp32", 0.05)}, "max_error was not set there and is 0.05 now"),
        ({"keep_text": True}, "keep_text was not set there and is true now"),
        ({"format": "csv"}, 'format was "jsonl" there and is "csv" now'),
        ({"part_size": 7}, "part_size was 100 there and is 7 now"),
    ],
)
def test_another_model_or_option_set_is_refused_with_what_differs_and_what_to_do(archive, change, named):
    archive.run()
    before = files(archive.output)
    with pytest.raises(ConfigError) as caught:
        archive.run(**change)
    assert named in str(caught.value)
    assert "Name another --output, or repeat the first command" in str(caught.value)
    assert before == files(archive.output)


def test_a_folder_in_which_nothing_was_tagged_takes_another_command(archive):
    for path in archive.inputs.iterdir():
        path.write_bytes(b"\0")
    assert 14 == archive.run().failed
    archive.add("00.txt", "An attack.")
    summary = archive.run(keep_text=True, format="csv")
    assert (1, 13) == (summary.documents, summary.failed)
    assert ["part-00000.csv"] == [path.name for path in (archive.output / "rows").iterdir()]


def test_a_run_killed_before_its_first_entry_is_no_foreign_folder(archive):
    archive.output.mkdir()
    (archive.output / ".lock").touch()
    assert archive.run().is_complete


def test_many_changed_inputs_of_one_part_are_struck_out_at_once(archive, monkeypatch):
    archive.run(part_size=10_000)
    rewrite, calls = dataset_module.rewrite, []
    monkeypatch.setattr(dataset_module, "rewrite", lambda *given, **more: calls.append(1) or rewrite(*given, **more))
    for number in range(6):
        archive.add(f"{number:02}.txt", f"Aid number {number}.")
    summary = archive.run(part_size=10_000)
    assert (1, 21, 54 - 12) == (len(calls), summary.documents, summary.sentences)


def test_limits_may_change_from_run_to_run(archive):
    archive.run()
    archive.run(limits=Limits(seconds=7))


def test_other_inputs_are_refused(archive, tmp_path):
    archive.run()
    archive.inputs = tmp_path / "in" / ".."
    with pytest.raises(ConfigError, match="inputs was"):
        archive.run()


def test_two_runs_on_one_output_at_once_are_refused(archive):
    def second(items: Iterable[object], **options: bool) -> Iterator[object]:
        with pytest.raises(DataError, match="another run is writing there"):
            archive.run()
        yield from tag(items, **options)

    assert archive.run(second).is_complete
    assert archive.run().is_complete


def test_the_lock_of_a_killed_run_does_not_hold(archive):
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('locked', flush=True); "
        "input()"
    )
    archive.output.mkdir()
    (archive.output / "manifest.sqlite").touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(archive.output / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == b"locked\n"
    with pytest.raises(DataError, match="another run"):
        archive.run()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    holder.stdin.close()
    assert archive.run().is_complete


def test_a_folder_of_something_else_and_a_file_are_no_output(archive, tmp_path):
    with pytest.raises(ConfigError, match=r"holds files, but no manifest\.sqlite"):
        archive.run(output=archive.inputs)
    with pytest.raises(ConfigError, match="is a file"):
        archive.run(output=archive.add("plain", ""))


def test_an_output_inside_the_inputs_is_never_an_input(archive):
    archive.output = archive.inputs / "out"
    first, second = archive.run(), archive.run()
    assert (first.documents, first.sentences) == (second.documents, second.sentences)


def test_a_part_that_is_gone_is_told(archive):
    archive.run()
    (archive.output / "rows" / "part-00001.jsonl").unlink()
    with pytest.raises(DataError, match=r"rows/part-00001\.jsonl is gone \(1 files in all\)"):
        archive.run()


def test_a_damaged_ledger_is_told_and_not_written_over(archive):
    archive.run()
    ledger = archive.output / "manifest.sqlite"
    ledger.write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="file is not a database"):
        archive.run()
    assert ledger.read_bytes().startswith(b"no database")


def test_the_ledger_says_of_every_input_what_became_of_it(archive):
    archive.run()
    database = sqlite3.connect(archive.output / "manifest.sqlite")
    found = {
        name: (state, items, documents, error, size, len(sha256), model)
        for name, state, items, documents, error, size, sha256, model in database.execute(
            "SELECT id, state, items, documents, error, size, sha256, model FROM sources"
        )
    }
    database.close()
    assert len(found) == 14
    size = (archive.inputs / "00.txt").stat().st_size
    assert ("done", 1, 1, "", size, 64, "r1") == found["00.txt"]
    assert ("done", 10, 9, "", (archive.inputs / "05.jsonl").stat().st_size, 64, "r1") == found["05.jsonl"]
    state, items, documents, error, *_ = found["07b.txt"]
    assert ("failed", 1, 0) == (state, items, documents)
    assert "no text" in error


def test_a_name_that_is_no_utf8_stops_nothing(archive):
    try:
        Path(os.fsdecode(os.fsencode(archive.inputs) + b"/caf\xe9.txt")).write_text("An attack.")
        Path(os.fsdecode(os.fsencode(archive.inputs) + b"/bad\xff.txt")).write_bytes(b"\0")
    except OSError:
        pytest.skip("this file system takes no such name")
    summary = archive.run()
    assert (22, 3) == (summary.documents, summary.failed)
    assert "caf\\udce9.txt" in archive.documents()
    assert archive.run().tagged == 0


def test_a_full_disk_ends_the_run_with_what_is_done_kept(archive, tmp_path, monkeypatch):
    archive.run(output=tmp_path / "whole")
    fsync, calls = os.fsync, []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) > 7:
            raise OSError(28, "No space left on device")
        fsync(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device; free space"):
        archive.run()
    monkeypatch.undo()
    assert not [path for path in (archive.output / "rows").iterdir() if path.name.startswith(".")]
    archive.run()
    assert files(tmp_path / "whole") == files(archive.output)


def test_near_duplicates_get_the_cluster_of_the_first_one(archive):
    story = " ".join(f"Sentence {number} tells of the attack on the harbour at length." for number in range(12))
    archive.add("20.txt", story)
    archive.add("31.txt", story.replace("harbour at length", "harbour at length.").replace("..", "."))
    summary = archive.run(deduplicate=True)
    rows = {row["document"]: row for row in archive.rows()}
    assert rows["20.txt"]["story"] == rows["31.txt"]["story"] != rows["00.txt"]["story"]
    assert rows["20.txt"]["sentence_cluster"] == rows["31.txt"]["sentence_cluster"]
    assert len({row["sentence_cluster"] for row in archive.rows() if row["text"] == "It rained."}) == 1
    assert all(row["story"] and row["sentence_cluster"] for row in archive.rows())
    assert summary.is_complete


@pytest.mark.parametrize("breaks_at", [0, 2])
def test_clusters_that_were_interrupted_are_made_again(archive, tmp_path, monkeypatch, breaks_at):
    archive.run(deduplicate=True, output=tmp_path / "whole")
    rewrite, calls = dataset_module.rewrite, []

    def breaking(*given: object, **more: bool) -> object:
        calls.append(given)
        if len(calls) > breaks_at:
            raise KeyboardInterrupt
        return rewrite(*given, **more)

    monkeypatch.setattr(dataset_module, "rewrite", breaking)
    with pytest.raises(KeyboardInterrupt):
        archive.run(deduplicate=True)
    monkeypatch.undo()
    archive.run(deduplicate=True)
    assert files(tmp_path / "whole") == files(archive.output)


def test_the_report_says_what_failed_why_and_with_what_it_was_made(archive):
    archive.run()
    report = json.loads((archive.output / "report.json").read_text())
    assert (report["documents"], report["failed"], report["is_complete"]) == (21, 2, True)
    assert {"read": 2} == report["failed_by_stage"]
    assert ("m", "r1", "a stand-in") == tuple(report["provenance"][name] for name in ("model", "revision", "engine"))
    text = (archive.output / "report.txt").read_text()
    assert "21 documents, 54 sentences, 2 failures" in text
    assert "not valid JSON" in text

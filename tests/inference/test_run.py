"""A whole run into one file with a stand-in for the model: what is tagged, what fails, what is left when it breaks."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Limits, TableColumns
from eventroles.inference.options import RunOptions
from eventroles.inference.outcome import Origin, RunSummary
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.run import check_request, run
from eventroles.labels.errors import ConfigError, DataError, EventRolesError

LABELS = ("attack", "statement", "aid")
ORIGIN = Origin(LABELS, "m", "r", "a stand-in", "fp32")


def tag(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
    """Give each document one sentence, with the labels whose names its text holds."""
    for item in items:
        if not isinstance(item, Document):
            yield item
            continue
        text = item.text
        roles = tuple(name for name in LABELS if name in text)
        scores = {name: float(name in roles) for name in LABELS}
        sentence = TaggedSentence(0, 0, len(text), text, roles, scores, truncated=len(text) > 50)
        yield TaggedDocument(item, (sentence,))


def run_with(function, inputs, output: Path | str, on_progress=None, **options) -> RunSummary:
    return run(function, inputs, output=output, origin=ORIGIN, options=RunOptions(**options), on_progress=on_progress)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def corpus(tmp_path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("An attack, then a statement.", encoding="utf-8")
    (folder / "b.md").write_text("Rain.", encoding="utf-8")
    (folder / "d.csv").write_text("id,text\nx,aid came\nx,a second attack\n", encoding="utf-8")
    (folder / "e.txt").write_text("A long statement " * 4, encoding="utf-8")
    return folder


def test_a_run_tags_every_document_in_order_and_sums_up(corpus, tmp_path):
    seen: list[str] = []
    output = tmp_path / "out" / "tagged.jsonl"
    summary = run_with(tag, [corpus], output, lambda _, tagged: seen.append(tagged.document.id))
    assert seen == ["a.txt", "b.md", "x", "x", "e.txt"]
    assert [row["document"] for row in rows(output)] == seen
    assert (summary.output, summary.documents, summary.sentences, summary.failures) == (output, 5, 5, ())
    assert list(summary.roles.items()) == [("attack", 2), ("statement", 2), ("aid", 1)]
    assert (summary.without_role, summary.truncated, summary.failed) == (1, 1, 0)
    assert summary.sentences_per_second == pytest.approx(5 / summary.seconds)
    assert summary.is_complete


def test_what_cannot_be_read_is_collected_and_the_run_goes_on(corpus, tmp_path):
    (corpus / "bad.txt").write_bytes(b"\0\1\2")
    (corpus / "bad.parquet").write_bytes(b"PAR1")
    (corpus / "empty.txt").write_bytes(b"")
    (corpus / "gone.txt").symlink_to(corpus / "nowhere")
    (corpus / "rows.jsonl").write_text('{"text": "aid"}\n{"text": 5}\nnonsense\n', encoding="utf-8")
    told: list[int] = []
    summary = run_with(
        tag, [corpus], tmp_path / "o.jsonl", lambda counts, tagged: told.append(counts.failed) if not tagged else None
    )
    assert summary.documents == 6
    places = [(failure.stage, failure.document, failure.source) for failure in summary.failures]
    assert [
        ("find", "gone.txt", "gone.txt"),
        ("read", "bad.parquet", "bad.parquet"),
        ("read", "bad.txt", "bad.txt"),
        ("read", "empty.txt", "empty.txt"),
        ("read", "rows.jsonl:2", "rows.jsonl"),
        ("read", "rows.jsonl:3", "rows.jsonl"),
    ] == places
    assert not any(str(tmp_path) in failure.reason or "\n" in failure.reason for failure in summary.failures)
    assert (summary.failed, dict(summary.failed_stages), told) == (6, {"find": 1, "read": 5}, [1, 2, 3, 4, 5, 6])


def test_rows_before_the_damage_of_a_table_are_kept(tmp_path):
    (tmp_path / "n.csv").write_text('text\nfirst attack\n"second\n', encoding="utf-8")
    summary = run_with(tag, [tmp_path / "n.csv"], tmp_path / "o.jsonl")
    assert (summary.documents, [failure.document for failure in summary.failures]) == (1, ["n.csv:3"])


def test_a_run_where_nothing_can_be_read_lists_why_and_keeps_the_older_output(tmp_path):
    output = tmp_path / "o.jsonl"
    output.write_text("old", encoding="utf-8")
    for number in range(25):
        (tmp_path / f"{number:02}.txt").write_bytes(b"\0")
    with pytest.raises(DataError) as caught:
        run_with(tag, [tmp_path], output)
    lines = str(caught.value).splitlines()
    assert lines[0] == "no document could be read; 25 failed:"
    assert lines[1].startswith("  00.txt: holds NUL bytes")
    assert (len(lines), lines[-1]) == (22, "  … and 5 more")
    assert output.read_text(encoding="utf-8") == "old"


def test_a_model_that_breaks_off_leaves_the_older_output_and_no_partial_file(corpus, tmp_path):
    output = tmp_path / "o.jsonl"
    run_with(tag, [corpus], output)
    old = output.read_bytes()

    def breaking(items: Iterable[object], **options: bool) -> Iterator[object]:
        for number, item in enumerate(tag(items, **options)):
            if number == 3:
                raise MemoryError
            yield item

    with pytest.raises(MemoryError):
        run_with(breaking, [corpus], output)
    assert output.read_bytes() == old
    assert names(tmp_path) == ["corpus", "o.jsonl"]


def test_a_second_run_does_not_read_the_output_of_the_first(corpus):
    output = corpus / "tagged.jsonl"
    first = run_with(tag, [corpus], output)
    written = output.read_bytes()
    second = run_with(tag, [corpus], output)
    assert (first.documents, written) == (second.documents, output.read_bytes())


def test_options_reach_the_search_and_the_readers(corpus, tmp_path):
    (corpus / "f.csv").write_text("name,body\nz,an attack\ny," + "an attack " * 100 + "\n", encoding="utf-8")
    options = {"columns": TableColumns(text="body", id="name"), "limits": Limits(document_bytes=200)}
    summary = run_with(tag, [corpus], tmp_path / "o.jsonl", glob="f.*", **options)
    assert (summary.documents, rows(tmp_path / "o.jsonl")[0]["document"]) == (1, "z")
    assert ["f.csv:3"] == [failure.document for failure in summary.failures]


def test_the_cache_and_boilerplate_options_reach_the_tagger(corpus, tmp_path):
    seen = {}

    def watching(items: Iterable[object], **options: bool) -> Iterator[object]:
        seen.update(options)
        return tag(items, **options)

    run_with(watching, [corpus], tmp_path / "o.jsonl", cache=False, skip_boilerplate=True)
    assert seen == {"cache": False, "skip_boilerplate": True}


def test_documents_are_read_as_they_are_tagged_not_all_at_once(corpus, tmp_path):
    written: list[str] = []

    def watching(items: Iterable[object], **options: bool) -> Iterator[object]:
        for number, item in enumerate(item for item in items if isinstance(item, Document)):
            assert number == len(written)
            yield from tag([item], **options)

    run_with(watching, [corpus], tmp_path / "o.jsonl", lambda _, tagged: written.append(tagged.document.id))
    assert len(written) == 5


def test_a_wrong_output_name_is_told_before_any_input_is_looked_at(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        run_with(tag, [tmp_path / "nowhere"], tmp_path / "o.csv")
    (tmp_path / "a.txt").write_text("aid")
    for name in ("o.json", "o.txt", "o.jsonl.gz"):
        with pytest.raises(ConfigError, match=r"expected \.jsonl, \.csv or \.parquet for one file, or a name without"):
            run_with(tag, [tmp_path], tmp_path / name)
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("option", ["keep_text", "deduplicate"])
def test_what_only_a_folder_can_hold_is_refused_for_a_file(corpus, tmp_path, option):
    with pytest.raises(ConfigError, match=f"--{option.replace('_', '-')} needs a dataset folder"):
        check_request([corpus], output=tmp_path / "o.csv", options=RunOptions(**{option: True}))


@pytest.mark.parametrize(
    ("options", "extra"), [({"deduplicate": True, "format": "csv"}, "deduplicate"), ({"format": "parquet"}, "parquet")]
)
def test_a_missing_library_is_told_before_anything_is_tagged(corpus, tmp_path, monkeypatch, options, extra):
    for name in ("rensa", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EventRolesError, match=rf"pip install 'eventroles\[{extra}\]'"):
        check_request([corpus], output=tmp_path / "tags", options=RunOptions(**options))


class Standard:
    """Stands in for sys.stdin and sys.stdout, of which only the bytes count."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def piped(monkeypatch):
    def run_pipe(data: bytes, **options) -> tuple[RunSummary, list[dict]]:
        out = Standard()
        monkeypatch.setattr(sys, "stdin", Standard(data))
        monkeypatch.setattr(sys, "stdout", out)
        summary = run_with(tag, ["-"], "-", **options)
        monkeypatch.undo()
        return summary, [json.loads(line) for line in out.buffer.getvalue().splitlines()]

    return run_pipe


def test_standard_input_is_a_document_a_line_and_rows_go_to_standard_output(piped):
    lines = ['{"id": "x", "text": "An attack."}', "", "{broken", '{"text": 5}', '{"body": "aid"}', '{"text": "aid"}']
    summary, found = piped("\n".join(lines).encode())
    assert [("x", ["attack"]), ("stdin:6", ["aid"])] == [(row["document"], row["roles"]) for row in found]
    assert ["stdin:3", "stdin:4", "stdin:5"] == [failure.document for failure in summary.failures]
    assert ("stdin", "-", 2) == (found[0]["source"], summary.output, summary.documents)


def test_lines_of_plain_text_are_documents_if_the_first_one_is_no_object(piped):
    summary, found = piped("\ufeffAn attack.\n{and aid}\n".encode())
    assert ["An attack.", "{and aid}"] == [row["text"] for row in found]
    assert summary.failed == 0


def test_a_line_beyond_the_limit_is_a_failure_and_the_next_one_is_read(piped):
    summary, found = piped(b"x" * 5000 + b"\nan attack\n", limits=Limits(document_bytes=1000))
    assert (["stdin:1"], ["an attack"]) == ([f.document for f in summary.failures], [row["text"] for row in found])


def test_standard_input_is_refused_beside_files_and_into_a_folder(tmp_path):
    (tmp_path / "a.txt").write_text("aid")
    with pytest.raises(ConfigError, match="can only be the one input"):
        check_request(["-", str(tmp_path)], output="-", options=RunOptions())
    with pytest.raises(ConfigError, match="cannot be resumed; name a file"):
        check_request(["-"], output=str(tmp_path / "tags"), options=RunOptions())

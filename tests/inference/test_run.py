"""A whole run with a stand-in for the model: what is tagged, what fails, and what is left when it breaks off."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, TableColumns
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.run import RunSummary, run
from eventroles.labels.errors import ConfigError, DataError

LABELS = ("attack", "statement", "aid")


def tag(documents: Iterable[Document]) -> Iterator[TaggedDocument]:
    """Give each document one sentence, with the labels whose names its text holds; none to an empty one."""
    for document in documents:
        text = document.text
        roles = tuple(name for name in LABELS if name in text)
        scores = {name: float(name in roles) for name in LABELS}
        sentence = TaggedSentence(0, 0, len(text), text, roles, scores, truncated=len(text) > 50)
        yield TaggedDocument(document, (sentence,) if text else ())


def run_with(function, inputs, output: Path, **options) -> RunSummary:
    return run(function, inputs, output=output, label_names=LABELS, model="m", revision="r", **options)


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
    (folder / "c.txt").write_text("", encoding="utf-8")
    (folder / "d.csv").write_text("id,text\nx,aid came\nx,a second attack\n", encoding="utf-8")
    (folder / "e.txt").write_text("A long statement " * 4, encoding="utf-8")
    return folder


def test_a_run_tags_every_document_in_order_and_sums_up(corpus, tmp_path):
    seen: list[str] = []
    output = tmp_path / "out" / "tagged.jsonl"
    summary = run_with(tag, [corpus], output, on_document=lambda tagged: seen.append(tagged.document.id))
    assert seen == ["a.txt", "b.md", "c.txt", "x", "x", "e.txt"]
    assert [row["document"] for row in rows(output)] == ["a.txt", "b.md", "x", "x", "e.txt"]
    assert (summary.output, summary.documents, summary.sentences, summary.failures) == (output, 6, 5, ())
    assert list(summary.roles.items()) == [("attack", 2), ("statement", 2), ("aid", 1)]
    assert (summary.without_role, summary.truncated) == (1, 1)
    assert summary.seconds > 0
    assert summary.sentences_per_second == pytest.approx(5 / summary.seconds)


def test_what_cannot_be_read_is_collected_and_the_run_goes_on(corpus, tmp_path):
    (corpus / "bad.txt").write_bytes(b"\0\1\2")
    (corpus / "bad.parquet").write_bytes(b"PAR1")
    (corpus / "gone.txt").symlink_to(corpus / "nowhere")
    (corpus / "rows.jsonl").write_text('{"text": "aid"}\n{"text": 5}\nnonsense\n', encoding="utf-8")
    summary = run_with(tag, [corpus], tmp_path / "o.jsonl")
    assert summary.documents == 7
    places = [failure.document for failure in summary.failures]
    assert places == ["gone.txt", "bad.parquet", "bad.txt", "rows.jsonl:2", "rows.jsonl:3"]
    assert not any(str(tmp_path) in failure.reason or "\n" in failure.reason for failure in summary.failures)


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


def test_tables_without_rows_are_an_empty_run_and_no_error(tmp_path):
    (tmp_path / "n.jsonl").write_text("", encoding="utf-8")
    summary = run_with(tag, [tmp_path], tmp_path / "o.csv")
    assert (summary.documents, summary.sentences, summary.sentences_per_second) == (0, 0, 0.0)
    assert len((tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_a_model_that_breaks_off_leaves_the_older_output_and_no_partial_file(corpus, tmp_path):
    output = tmp_path / "o.jsonl"
    run_with(tag, [corpus], output)
    old = output.read_bytes()

    def breaking(documents: Iterable[Document]) -> Iterator[TaggedDocument]:
        for number, tagged in enumerate(tag(documents)):
            if number == 3:
                raise MemoryError
            yield tagged

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


def test_glob_and_columns_reach_the_search_and_the_readers(corpus, tmp_path):
    (corpus / "f.csv").write_text("name,body\nz,an attack\n", encoding="utf-8")
    columns = TableColumns(text="body", id="name")
    summary = run_with(tag, [corpus], tmp_path / "o.jsonl", glob="f.*", columns=columns)
    assert (summary.documents, rows(tmp_path / "o.jsonl")[0]["document"]) == (1, "z")


def test_documents_are_read_as_they_are_tagged_not_all_at_once(corpus, tmp_path):
    written: list[str] = []

    def watching(documents: Iterable[Document]) -> Iterator[TaggedDocument]:
        for number, document in enumerate(documents):
            assert number == len(written)
            yield from tag([document])

    run_with(watching, [corpus], tmp_path / "o.jsonl", on_document=lambda tagged: written.append(tagged.document.id))
    assert len(written) == 6


def test_a_wrong_output_name_is_told_before_any_input_is_looked_at(tmp_path):
    with pytest.raises(ConfigError, match=r"expected \.jsonl"):
        run_with(tag, [tmp_path / "nowhere"], tmp_path / "o.txt")
    with pytest.raises(ConfigError, match="does not exist"):
        run_with(tag, [tmp_path / "nowhere"], tmp_path / "o.csv")
    assert names(tmp_path) == []

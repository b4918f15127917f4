"""Sentences of a user's archive: which are drawn, what they are labelled with, and what they change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_rows, write_jsonl
from eventroles import Tagger
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.inference.encoding import Encoder
from eventroles.labels import ConfigError, DataError
from eventroles.training import train
from eventroles.training.data import MASKED
from eventroles.training.distill import TEACHER_LOGITS, label_text
from eventroles.training.unlabelled import UnlabelledText, read_unlabelled, warn_of_unlabelled

STORY = "Soldiers stormed the market. Ten were wounded there! The convoy left. A warden warned the town."


def page(*sentences: str) -> str:
    body = "".join(f"<p>{sentence} It was a long morning on the road to the river.</p>" for sentence in sentences)
    return f"<html><head><title>News</title></head><body><article><h1>News</h1>{body}</article></body></html>"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with a text, a web page, a table and a text in a folder of its own."""
    folder = tmp_path / "archive"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_text(STORY, encoding="utf-8")
    (folder / "b.html").write_text(page("Rebels raided a harvest.", "A bridge was bombed."), encoding="utf-8")
    write_jsonl(folder / "c.jsonl", [{"id": "one", "text": "The border is quiet. Nobody was injured."}])
    (folder / "inner" / "d.txt").write_text("The town declared a truce. Ten WERE wounded\nthere!", encoding="utf-8")
    return folder


def read(*entries: object, known: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> UnlabelledText:
    named = f"data.unlabelled={json.dumps([str(entry) for entry in entries])}"
    found = read_unlabelled(load_config("smoke", [named, "output.folder=runs/none", *more]), known=known)
    assert found is not None
    return found


def test_documents_of_every_format_are_read_as_tag_reads_them(archive: Path) -> None:
    text = read(archive)
    assert {"a.txt", "b.html", "one", "inner/d.txt"} >= {one.document for one in text.sentences}
    assert {"Soldiers stormed the market.", "The border is quiet.", "The town declared a truce."} <= set(text.texts)
    assert any("A bridge was bombed." in one for one in text.texts)
    assert (4, 0) == (text.documents, text.failed)
    assert [] == warn_of_unlabelled(text)


def test_nothing_named_reads_nothing() -> None:
    assert read_unlabelled(load_config("smoke"), known=()) is None


def test_a_sentence_comes_once_with_the_sentences_before_it(archive: Path) -> None:
    text = read(archive)
    wounded = [one for one in text.sentences if "wounded" in one.text.lower()]
    assert [("a.txt", 1, ("Soldiers stormed the market.",))] == [(w.document, w.index, w.before) for w in wounded]
    place = text.texts.index("A warden warned the town.")
    assert "" == text.contexts(0)[place]
    assert "The convoy left." == text.contexts(1)[place]
    assert "Ten were wounded there! The convoy left." == text.contexts(2)[place]


def test_known_sentences_boilerplate_and_lines_without_letters_are_left_out(tmp_path: Path) -> None:
    lines = ["By Jane Roe", "* * *", "Gunmen raided a farm.", "12 345.", "The road was closed."]
    (tmp_path / "a.txt").write_text("\n\n".join(lines), encoding="utf-8")
    assert ["Gunmen raided a farm."] == read(tmp_path / "a.txt", known=("the  ROAD was closed.",)).texts


def test_the_draw_depends_on_the_seed_and_not_on_the_files(tmp_path: Path) -> None:
    sentences = [f"The convoy of day {number} left the town." for number in range(60)]
    for name, order in (("one", 1), ("other", -1)):
        (tmp_path / name).mkdir()
        for part in range(3):
            text = "\n\n".join(sentences[part::3][::order])
            (tmp_path / name / f"{part * order}.txt").write_text(text, encoding="utf-8")
    few = ("data.max_unlabelled=20",)
    one, other = (read(tmp_path / name, more=few) for name in ("one", "other"))
    assert 20 == len(one.sentences)
    assert set(one.texts) == set(other.texts)
    assert one.describe() == read(tmp_path / "one", more=few).describe()
    again = read(tmp_path / "one", more=(*few, "split.seed=14"))
    assert set(one.texts) != set(again.texts)
    assert one.describe()["sha256"] != again.describe()["sha256"]
    assert set(one.texts) < set(read(tmp_path / "one", more=("data.max_unlabelled=40",)).texts), "more keep the fewer"


def test_what_cannot_be_read_is_counted_and_named(archive: Path) -> None:
    for number in range(5):
        (archive / f"x{number}.pdf").write_bytes(b"%PDF-1.7 broken")
    text = read(archive)
    assert (4, 5) == (text.documents, text.failed)
    (warning,) = warn_of_unlabelled(text)
    assert warning.startswith("data.unlabelled: 5 of 9 documents could not be read and were left out (x0.pdf: ")
    assert warning.endswith("; and 2 more)")


def test_patterns_name_files_and_what_is_not_there_is_said(archive: Path) -> None:
    assert {"a.txt", "inner/d.txt"} == {one.document for one in read(archive / "**" / "*.txt").sentences}
    with pytest.raises(ConfigError, match=r"^data\.unlabelled: .*nowhere.* does not exist"):
        read(archive, archive / "nowhere")
    with pytest.raises(ConfigError, match=r"^data\.unlabelled: .*\*\.docx.* does not exist"):
        read(archive / "*.docx")
    (archive / "empty").mkdir()
    with pytest.raises(DataError, match=r"^data\.unlabelled: found no "):
        read(archive / "empty")
    (archive / "empty" / "dots.txt").write_text("* * *", encoding="utf-8")
    with pytest.raises(DataError, match=r"^data\.unlabelled: no sentence to learn from$"):
        read(archive / "empty")


def test_the_models_own_folder_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STORY, encoding="utf-8")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "README.md").write_text("A card of a model.", encoding="utf-8")
    assert 1 == read(tmp_path, more=(f"output.folder={tmp_path / 'm'}",)).documents


def test_sentences_without_labels_need_someone_who_labels_them(settings: list[str], archive: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.unlabelled: .* --set distillation\.ensemble=3, or name a trained"):
        train(load_config("smoke", [*settings, f"data.unlabelled={archive}"]))


def test_the_labels_are_the_teachers_probabilities(model_folder: Path, archive: Path) -> None:
    text, teacher = read(archive), Tagger.from_pretrained(model_folder, device="cpu", exact=True)
    encoder = Encoder.load(model_folder, window=48)
    data = label_text(text, [teacher], labels=teacher.labels, encoder=encoder, context=0)
    scores = [list(tagged.scores.values()) for tagged in teacher.tag_sentences(text.texts)]
    np.testing.assert_allclose(scores, data["labels"], atol=1e-5)
    expected = teacher.bundle.rule.log_odds(teacher.logits(text.texts))
    np.testing.assert_allclose(expected, data[TEACHER_LOGITS], rtol=1e-4)
    assert MASKED not in np.array(data["labels"])


@pytest.mark.slow
def test_an_archive_changes_the_model_and_the_same_one_changes_it_in_the_same_way(
    train_tiny: Callable[..., Any], model_folder: Path, archive: Path, tmp_path: Path
) -> None:
    more = [f"distillation.teacher={model_folder}", "training.epochs=1"]
    (archive / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    adapted = [*more, f"data.unlabelled={archive}"]
    plain = train_tiny(tmp_path / "plain", *more)
    results = [train_tiny(tmp_path / name, *adapted) for name in ("one", "two")]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "one", "two")]
    assert weights[0] != weights[1]
    assert weights[1] == weights[2]
    assert plain.unlabelled is None
    assert results[0].unlabelled == results[1].unlabelled
    assert any("data.unlabelled: 1 of 5 documents" in warning for warning in results[0].warnings)
    manifest = load_bundle(tmp_path / "one").manifest
    assert results[0].unlabelled.describe() == manifest.data["unlabelled"]
    assert load_bundle(tmp_path / "plain").manifest.data["train"] == manifest.data["train"], "labelled ones alone"
    card = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    assert f"| sentences without labels | {len(results[0].unlabelled.sentences)} of 4 documents, labelled by" in card


@pytest.mark.slow
def test_an_exclusive_set_takes_the_teachers_best_label_and_labelled_sentences_stay_out(
    settings: list[str], tmp_path: Path
) -> None:
    labels = [{"name": name, "title": name, "definition": name} for name in ("violent", "calm")]
    label_set = {"name": "x", "version": "1", "exclusive": True, "labels": labels}
    rows = [{**row, "roles": ["violent" if "attack" in row["roles"] else "calm"]} for row in make_rows(30)]
    archive = tmp_path / "archive.txt"
    archive.write_text("\n\n".join([*(str(row["text"]) for row in rows), STORY]), encoding="utf-8")
    more = [f"labels={json.dumps(label_set)}", f"data.train={write_jsonl(tmp_path / 'rows.jsonl', rows)}"]
    more += ["training.epochs=2", "distillation.ensemble=1", f"data.unlabelled={archive}"]
    result = train(load_config("smoke", [*settings, *more, f"output.folder={tmp_path / 'm'}"]))
    assert result is not None
    assert result.unlabelled is not None
    assert 4 == len(result.unlabelled.sentences), "those of train, validation and test are known"
    model = Tagger.from_pretrained(tmp_path / "m", device="cpu", exact=True)
    encoder = Encoder.load(tmp_path / "m", window=48)
    data = label_text(result.unlabelled, [model], labels=model.labels, encoder=encoder, context=0)
    assert model.logits(result.unlabelled.texts).argmax(axis=1).tolist() == list(data["labels"])

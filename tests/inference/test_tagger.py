"""From text to roles, in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from eventroles import Document, Tagger

TEXT = "Soldiers shelled the town. The harvest was good.\n\nOfficials said the market 3 was bombed; two dead."


@pytest.fixture(scope="module")
def tagger(model_folder: Path) -> Tagger:
    return Tagger.from_pretrained(model_folder, device="cpu")


def test_a_text_becomes_its_sentences_with_exact_offsets_roles_and_scores(tagger: Tagger) -> None:
    sentences = tagger.tag(TEXT)
    assert [0, 1, 2] == [sentence.index for sentence in sentences]
    assert all(TEXT[sentence.start : sentence.end] == sentence.text for sentence in sentences)
    assert all(tuple(sentence.scores) == tagger.labels.names for sentence in sentences)
    assert all(set(sentence.roles) <= set(tagger.labels.roles) for sentence in sentences)


def test_roles_are_the_labels_whose_score_reaches_the_fitted_threshold(tagger: Tagger) -> None:
    thresholds = dict(zip(tagger.labels.names, tagger.bundle.rule.thresholds, strict=True))
    for sentence in tagger.tag(TEXT):
        expected = tuple(name for name, score in sentence.scores.items() if score >= thresholds[name])
        assert expected == sentence.roles


def test_the_model_has_learned_its_words(tagger: Tagger) -> None:
    attack, none = tagger.tag_sentences(["the town shelled bombed road", "the town river road market"])
    assert attack.scores["attack"] > none.scores["attack"]


def test_an_empty_text_has_no_sentences(tagger: Tagger) -> None:
    assert [] == tagger.tag("") == tagger.tag(" \n\t ") == tagger.tag_sentences([])


def test_ready_made_sentences_keep_their_order_and_text(tagger: Tagger) -> None:
    texts = ["bombed", "", "the river", "\ud800 broken", "said " * 100]
    found = tagger.tag_sentences(texts)
    assert texts == [sentence.text for sentence in found]
    assert [False, False, False, False, True] == [sentence.truncated for sentence in found]


def test_documents_are_tagged_in_order_whatever_their_size(tagger: Tagger) -> None:
    documents = [Document(str(number), "", "A raid. " * (number % 5)) for number in range(40)]
    tagged = list(tagger.tag_documents(documents))
    assert documents == [one.document for one in tagged]
    assert [number % 5 for number in range(40)] == [len(one.sentences) for one in tagged]


def test_a_stream_of_documents_is_not_read_to_its_end_before_the_first_comes_back(tagger: Tagger) -> None:
    read = 0

    def endless() -> object:
        nonlocal read
        while True:
            read += 1
            yield Document(str(read), "", "Soldiers raided the town. " * 100)

    stream = tagger.tag_documents(endless())
    next(stream)
    assert read < 50


def test_a_model_with_context_sees_the_sentences_before_only_in_sequence(
    tmp_path: Path, train_tiny: Callable[..., object]
) -> None:
    train_tiny(tmp_path / "context", "model.context=2", "training.epochs=1")
    tagger = Tagger.from_pretrained(tmp_path / "context", device="cpu")
    texts = ["soldiers shelled the town", "the river", "the road"]
    apart, together = tagger.tag_sentences(texts), tagger.tag_sentences(texts, in_sequence=True)
    assert apart[0].scores == pytest.approx(together[0].scores, abs=1e-6)
    assert apart[2].scores != pytest.approx(together[2].scores, abs=1e-6)
    assert tagger.tag("\n\n".join(texts))[2].scores == pytest.approx(together[2].scores, abs=1e-6)


def test_a_folder_run_from_python_writes_rows_that_reproduce_the_text(tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(TEXT, encoding="utf-8")
    summary = tagger.tag_folder(tmp_path / "in", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert 3 == len(rows) == summary.sentences
    assert [TEXT[row["start"] : row["end"]] for row in rows] == [row["text"] for row in rows]
    assert {"a.txt"} == {row["document"] for row in rows}
    assert {tagger.bundle.revision} == {row["revision"] for row in rows}


def test_the_same_run_twice_gives_the_same_bytes(tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    for name in ("one.jsonl", "two.jsonl"):
        tagger.tag_folder(tmp_path / "a.txt", tmp_path / name)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_plain_transformers_loads_the_folder_and_gives_the_scores_before_calibration(
    tagger: Tagger, model_folder: Path
) -> None:
    import numpy as np
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(model_folder), top_k=None, device="cpu")
    (found,) = classify(["soldiers shelled the town"])
    logits = tagger.logits(["soldiers shelled the town"])[0]
    expected = dict(zip(tagger.labels.names, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
    assert expected == pytest.approx({entry["label"]: entry["score"] for entry in found}, abs=1e-5)

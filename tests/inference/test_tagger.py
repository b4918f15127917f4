"""From text to roles, in Python."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from eventroles import Document, RunOptions, Tagger
from eventroles.inference.decision import Band, ReviewBands
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.chain import Candidate, EngineChain
from eventroles.inference.engines.engine import EngineFailed

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
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(model_folder), top_k=None, device="cpu")
    (found,) = classify(["soldiers shelled the town"])
    logits = tagger.logits(["soldiers shelled the town"])[0]
    expected = dict(zip(tagger.labels.names, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
    assert expected == pytest.approx({entry["label"]: entry["score"] for entry in found}, abs=1e-5)


class Counting:
    """An engine that gives the tokens' sum as logits, notes how much it was given, and fails after some calls."""

    precision, device = "fp32", "cpu"

    def __init__(self, *, invariant: bool = True, backend: str = "onnx", fails_after: int = 1000) -> None:
        self.invariant = invariant
        self.backend = backend
        self.sizes: list[int] = []
        self._fails_after = fails_after

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        if len(self.sizes) == self._fails_after:
            raise EngineFailed(f"{self.backend} failed")
        self.sizes.append(len(sentences))
        company = 0.0 if self.invariant else len(sentences) / 1e4
        return np.array([[sum(one.ids) / 500 - 0.3 + company] * 4 for one in sentences], dtype=np.float32)


def with_engine(tagger: Tagger, engine: object) -> Tagger:
    return Tagger(tagger.bundle, engine, tagger.encoder)


def news(documents: int, sentences: int, *, start: int = 0) -> list[Document]:
    """Return documents whose sentences are all different."""
    numbers = iter(range(start, start + documents * sentences))
    digits = [" ".join(f"{next(numbers):05}") for _ in range(documents * sentences)]
    texts = [f"Soldiers raided the market {digit}." for digit in digits]
    parts = [texts[first : first + sentences] for first in range(0, len(texts), sentences)]
    return [Document(f"{start}-{place}", "", "\n\n".join(part)) for place, part in enumerate(parts)]


def background_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("eventroles")]


def test_a_huge_document_is_scored_in_parts_and_comes_back_whole(tagger: Tagger) -> None:
    engine = Counting()
    documents = [*news(1, 3), *news(1, 5000, start=100), *news(1, 2, start=9000)]
    tagged = list(with_engine(tagger, engine).tag_documents(documents))
    assert [3, 5000, 2] == [len(one.sentences) for one in tagged]
    assert max(engine.sizes) <= 2048
    assert 5005 == sum(engine.sizes)
    assert list(range(5000)) == [sentence.index for sentence in tagged[1].sentences]
    alone = with_engine(tagger, Counting()).tag(documents[1].text)
    assert alone == list(tagged[1].sentences)


def test_context_reaches_over_the_cut_of_a_huge_document(tmp_path: Path, train_tiny: Callable[..., object]) -> None:
    train_tiny(tmp_path / "context", "model.context=2", "training.epochs=1")
    tagger = with_engine(Tagger.from_pretrained(tmp_path / "context", device="cpu"), Counting())
    (document,) = news(1, 2100)
    (tagged,) = tagger.tag_documents([document])
    assert tagger.tag(document.text) == list(tagged.sentences)


def test_the_cache_changes_no_row_and_spares_the_model_what_is_repeated(tagger: Tagger, tmp_path: Path) -> None:
    for number, document in enumerate(news(40, 100) * 2 + news(1, 1, start=9000)):
        (tmp_path / f"{number:03}.txt").write_text(document.text, encoding="utf-8")
    engines = Counting(), Counting()
    kept, anew = (
        with_engine(tagger, engine).tag_folder(
            tmp_path, tmp_path / f"{cache}.jsonl", RunOptions(glob="*.txt", cache=cache)
        )
        for engine, cache in zip(engines, (True, False), strict=True)
    )
    assert (tmp_path / "True.jsonl").read_bytes() == (tmp_path / "False.jsonl").read_bytes()
    assert (4000, 0) == (kept.repeated, anew.repeated)
    assert [4001, 8001] == [sum(engine.sizes) for engine in engines]


def test_boilerplate_is_marked_and_on_request_not_shown_to_the_model(tagger: Tagger) -> None:
    text = "KHARET, March 3 (Northwire) - Gunmen raided the market.\n\nRead more: Ten dead in Oru\n\nThey fled."
    document = Document("a", "", text)
    engine = Counting()
    (plain,) = with_engine(tagger, engine).tag_documents([document])
    assert (["dateline", "read_also", None], [3]) == (
        [sentence.boilerplate and sentence.boilerplate.rule for sentence in plain.sentences],
        engine.sizes,
    )
    engine = Counting()
    (skipped,) = with_engine(tagger, engine).tag_documents([document], skip_boilerplate=True)
    assert [2] == engine.sizes
    assert [(s.start, s.end, s.text) for s in plain.sentences] == [(s.start, s.end, s.text) for s in skipped.sentences]
    assert ((), {}) == (skipped.sentences[1].roles, skipped.sentences[1].scores)
    (alone,) = tagger.tag_sentences(["Gunmen raided the market."])
    (cut, *_) = next(tagger.tag_documents([document], skip_boilerplate=True)).sentences
    assert alone.scores == pytest.approx(cut.scores, abs=1e-5)


def test_where_scores_depend_on_company_the_cache_changes_no_row_either(tagger: Tagger) -> None:
    documents = news(60, 50) + news(60, 50)
    kept, anew = (
        list(with_engine(tagger, Counting(invariant=False)).tag_documents(documents, cache=cache))
        for cache in (True, False)
    )
    assert kept == anew
    assert [one.repeated for one in kept] == [one.repeated for one in anew]


def test_a_stream_that_is_closed_early_leaves_no_thread(tagger: Tagger) -> None:
    stream = with_engine(tagger, Counting()).tag_documents(news(100, 100))
    next(stream)
    assert 1 == len(background_threads())
    stream.close()
    assert [] == background_threads()


def test_an_error_of_the_reader_comes_out_and_leaves_no_thread(tagger: Tagger) -> None:
    def broken() -> Iterator[Document]:
        yield from news(60, 100)
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        list(with_engine(tagger, Counting()).tag_documents(broken()))
    assert [] == background_threads()


def test_an_error_of_the_engine_comes_out_after_the_documents_before_it(tagger: Tagger) -> None:
    stream = with_engine(tagger, Counting(fails_after=1)).tag_documents(news(60, 100))
    seen = []
    with pytest.raises(EngineFailed, match="onnx failed"):
        seen.extend(one.document.id for one in stream)
    assert [f"0-{place}" for place in range(20)] == seen
    assert [] == background_threads()


def test_an_engine_that_fails_in_the_middle_hands_over_with_a_warning_and_no_sentence_is_lost(tagger: Tagger) -> None:
    engines = Counting(fails_after=1), Counting(backend="torch")
    chain = EngineChain([Candidate(f"the {engine.backend} engine", lambda engine=engine: engine) for engine in engines])
    documents = news(60, 100)
    with pytest.warns(RuntimeWarning, match="onnx failed; going on with the torch engine"):
        tagged = list(with_engine(tagger, chain).tag_documents(documents))
    assert documents == [one.document for one in tagged]
    assert 6000 == sum(len(one.sentences) for one in tagged) == sum(map(sum, (engine.sizes for engine in engines)))


def test_another_text_can_be_tagged_while_a_stream_is_open(tagger: Tagger) -> None:
    other = with_engine(tagger, Counting())
    assert all(len(other.tag("A raid.")) == 1 for _ in other.tag_documents(news(100, 50)))


def test_a_sentence_with_a_score_in_a_review_band_is_for_review(tagger: Tagger) -> None:
    texts = ["the town shelled bombed road", "the town river road market"]
    scores = [sentence.scores["attack"] for sentence in tagger.tag_sentences(texts)]

    def reviewed(low: float, high: float) -> list[bool]:
        bands = (ReviewBands(0.05, (Band(low, high), None, None, None)),)
        bundle = replace(tagger.bundle, rule=replace(tagger.bundle.rule, max_error=0.05, review=bands))
        found = Tagger(bundle, tagger.engine, tagger.encoder)
        assert 0.05 == found.origin.max_error
        return [sentence.review for sentence in found.tag_sentences(texts)]

    assert [True, False] == reviewed(scores[0] - 1e-6, scores[0] + 1e-6)
    assert [False, True] == reviewed(scores[1] - 1e-6, scores[1] + 1e-6)
    assert [True, True] == reviewed(0.0, 1.0)


def test_the_target_error_is_chosen_when_a_model_is_loaded(model_folder: Path) -> None:
    assert 0.05 == Tagger.from_pretrained(model_folder, device="cpu").origin.max_error
    assert 0.2 == Tagger.from_pretrained(model_folder, device="cpu", max_error=0.5).origin.max_error

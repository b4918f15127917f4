"""The leakage gate: planted leaks are found with their kind and place, clean data passes, and what is said of them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import make_rows, write_jsonl
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, LabelSet, Record
from eventroles.training.data import load_splits, training_data
from eventroles.training.leakage import Leakage, find_leaks
from eventroles.training.splits import Splits, split_records
from hypothesis import given, settings
from hypothesis import strategies as st

ROLES = LabelSet.load("roles")
FILES = ("train", "validation", "test")
PLACES = ["Orlen", "Tarvena", "Kharet", "Dosk", "Ustreg", "Palno", "Verrin"]
DEEDS = ["shelled", "raided", "stormed", "mined", "searched", "fenced", "mapped"]
THINGS = ["harbour", "bakery", "archive", "sawmill", "chapel", "depot", "orchard"]
SENTENCE = "Gunmen in grey coats stopped the night train outside Milvane and burned the signal house"
NEAR = "Gunmen in grey coats stopped the night train outside Milvane and later burned the signal house"


def text(random: random.Random) -> str:
    """Return a sentence of eighteen words that is like no other."""
    parts = [f"{random.choice(PLACES)} {random.choice(DEEDS)} {random.choice(THINGS)}{random.randrange(10**6)}"]
    parts += [f"{random.choice(THINGS)}{random.randrange(10**6)} {random.choice(DEEDS)}" for _ in range(7)]
    return f"{' '.join(parts)}."


def records(part: str, *, documents: int = 4, sentences: int = 5) -> list[Record]:
    rng = random.Random(part)
    return [
        Record(f"{part}-{d}", i, text(rng), ("attack",) if i % 2 else (), place=f"{part}.jsonl:{d * sentences + i + 1}")
        for d in range(documents)
        for i in range(sentences)
    ]


def splits(**changed: list[Record]) -> Splits:
    return Splits(*(tuple(changed.get(part, records(part))) for part in FILES))


def planted(part: str, row: int, **changed: Any) -> list[Record]:
    rows = records(part)
    rows[row] = replace(rows[row], **changed)
    return rows


def found(leakage: Leakage) -> list[tuple[str, str, str, int]]:
    return [(leak.kind, leak.earlier, leak.later, leak.rows) for leak in leakage.leaks]


def test_splits_that_share_nothing_have_no_leak() -> None:
    leakage = find_leaks(splits())
    assert ((), ()) == (leakage.leaks, leakage.repeats)
    assert [False] * 20 == list(leakage.test) == list(leakage.validation)


@pytest.mark.parametrize(
    ("copy", "kind"),
    [
        (SENTENCE, "exact"),
        (f"  “{SENTENCE.upper()}” ...", "exact"),
        (SENTENCE.replace(" ", "\t "), "exact"),
        (NEAR, "near"),
        (SENTENCE.replace("grey", "brown"), "near"),
        (f"MILVANE - {SENTENCE}", "near"),
    ],
)
@pytest.mark.parametrize("sides", [("train", "test"), ("train", "validation"), ("validation", "test")])
def test_a_sentence_that_stands_in_two_splits_is_found_with_its_place(
    copy: str, kind: str, sides: tuple[str, str]
) -> None:
    earlier, later = sides
    leakage = find_leaks(splits(**{earlier: planted(earlier, 7, text=SENTENCE), later: planted(later, 11, text=copy)}))
    assert [(kind, earlier, later, 1)] == found(leakage)
    (example,) = leakage.leaks[0].examples
    assert (f"{later}.jsonl:12", f"{earlier}.jsonl:8") == (example.place, example.other_place)
    assert [11] == [row for row, leaks in enumerate(getattr(leakage, later)) if leaks]
    assert 1 == sum(leakage.validation) + sum(leakage.test)


@pytest.mark.parametrize(
    "other",
    [
        "A nurse in the hospital counted nineteen wounded, most of them dockers from the early shift",
        "The governor flew home and promised to rebuild the signal house outside Milvane before winter",
    ],
)
def test_sentences_on_the_same_thing_in_other_words_are_no_leak(other: str) -> None:
    assert () == find_leaks(splits(train=planted("train", 7, text=SENTENCE), test=planted("test", 1, text=other))).leaks


def test_a_heading_that_recurs_is_counted_and_no_leak() -> None:
    heading = "WORLD IN BRIEF, March 6"
    leakage = find_leaks(splits(train=planted("train", 0, text=heading), test=planted("test", 0, text=heading)))
    assert () == leakage.leaks
    assert [("short", "train", "test", 1)] == [(r.kind, r.earlier, r.later, r.rows) for r in leakage.repeats]
    assert not any(leakage.test)


def test_a_document_in_two_splits_leaks_with_all_its_rows() -> None:
    test = [replace(row, document="train-1") if row.document == "test-2" else row for row in records("test")]
    leakage = find_leaks(splits(test=test))
    assert [("document", "train", "test", 5)] == found(leakage)
    (example,) = leakage.leaks[0].examples
    assert ("test.jsonl:11", "train.jsonl:6", "train-1") == (example.place, example.other_place, example.text)
    assert list(range(10, 15)) == [row for row, leaks in enumerate(leakage.test) if leaks]


def test_documents_that_share_sentences_are_one_story() -> None:
    train, test = records("train"), records("test")
    for row, other in ((1, 6), (3, 8)):
        test[other] = replace(test[other], text=f"{train[row].text} officials said")
    leakage = find_leaks(splits(train=train, test=test))
    assert [("near", "train", "test", 2), ("story", "train", "test", 5)] == found(leakage)
    assert ("test-1", "train-0") == (leakage.leaks[1].examples[0].text, leakage.leaks[1].examples[0].other_text)
    assert list(range(5, 10)) == [row for row, leaks in enumerate(leakage.test) if leaks]


def test_one_shared_sentence_of_five_makes_no_story() -> None:
    leakage = find_leaks(splits(train=planted("train", 7, text=SENTENCE), test=planted("test", 7, text=SENTENCE)))
    assert [("exact", "train", "test", 1)] == found(leakage)


def test_a_document_cut_into_other_sentences_is_the_same_story() -> None:
    train, test = records("train"), records("test")
    words = " ".join(row.text.rstrip(".") for row in train[:5]).split()
    for row in range(5):
        test[row] = replace(test[row], text=" ".join(words[16 * row + 8 : 16 * row + 24]))
    assert ("story", "train", "test", 5) in found(find_leaks(splits(train=train, test=test)))


def test_the_report_is_json_and_can_leave_the_texts_out() -> None:
    leakage = find_leaks(splits(train=planted("train", 7, text=SENTENCE), test=planted("test", 11, text=NEAR)))
    plain = json.loads(json.dumps(leakage.to_dict()))
    assert {"validation": 0, "test": 1} == plain["leaked"]
    assert {"validation": 20, "test": 20} == plain["sentences"]
    assert (NEAR[:79], SENTENCE[:79]) == tuple(plain["leaks"][0]["examples"][0][k][:79] for k in ("text", "other_text"))
    assert "Gunmen" not in json.dumps(leakage.to_dict(texts=False))
    assert "test.jsonl:12" in json.dumps(leakage.to_dict(texts=False))


def test_twenty_thousand_sentences_take_seconds() -> None:
    rng = random.Random(3)
    rows = [Record(f"d{row // 10}", row % 10, text(rng), ()) for row in range(20_000)]
    start = time.monotonic()
    assert () == find_leaks(Splits(tuple(rows[:16000]), tuple(rows[16000:18000]), tuple(rows[18000:]))).leaks
    assert time.monotonic() - start < 60  # three on two cores; the bound only catches what grows with the square


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59), st.booleans()), min_size=1, max_size=10),
    st.integers(0, 9),
)
def test_a_split_by_story_has_no_leak_whatever_is_planted(copies: list[tuple[int, int, bool]], seed: int) -> None:
    rows = records("train", documents=12)
    for source, target, same_document in copies:
        rows[target] = replace(rows[target], text=f"{rows[source].text.rstrip('.')} officials said")
        if same_document:
            rows[target] = replace(rows[target], document=rows[source].document)
    try:
        found = split_records(rows, validation=0.2, test=0.2, group="story", seed=seed)
    except ConfigError:  # all of it hangs together
        return
    assert () == find_leaks(found).leaks
    assert len(rows) == sum(map(len, (found.train, found.validation, found.test)))


@pytest.mark.parametrize("seed", [1, 2, 13])
def test_the_seed_corpus_passes_the_gate(seed: int) -> None:
    """WORLD IN BRIEF stands in it twice."""
    assert () == find_leaks(load_splits(load_config("seeds", [f"split.seed={seed}"]), ROLES)).leaks


def leaking_files(folder: Path, **plant: Any) -> list[str]:
    """Write a train and a test file; the third row of test is changed as said. Returns `--set` values."""
    parts = {"train": make_rows(), "test": make_rows(6, seed=9)}
    for row in parts["test"]:
        row["document"] = f"test-{row['document']}"
    parts["train"][4]["text"] = SENTENCE
    parts["test"][2].update(plant)
    return [f"data.{name}={write_jsonl(folder / f'{name}.jsonl', rows)}" for name, rows in parts.items()]


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        ({"text": SENTENCE.upper()}, "1 of 36 test sentences have the same sentence in train"),
        ({"text": NEAR}, "1 of 36 test sentences have nearly the same sentence in train"),
        ({"document": "doc-3"}, "1 of 36 test sentences have a sentence of the same document in train"),
    ],
)
def test_training_is_refused_with_kind_place_and_remedy(
    train_tiny: Callable[..., Any], tmp_path: Path, plant: dict[str, Any], kind: str
) -> None:
    rows = leaking_files(tmp_path, **plant, roles=make_rows()[4]["roles"])
    with pytest.raises(ConfigError) as caught:
        train_tiny(tmp_path / "m", *rows, "split.validation=0.2")
    message = str(caught.value)
    assert kind in message
    assert f"{tmp_path / 'test.jsonl'}:3 and {tmp_path / 'train.jsonl'}:" in message
    assert "data.test is used as given: take the shared rows out of one side" in message
    assert "--set leakage=report" in message
    assert not (tmp_path / "m").exists()


def test_what_leaks_within_train_is_told_to_be_split_by_story_and_then_it_trains(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    rows = make_rows()
    for row in rows:  # every second document is a copy of the one before it
        number, index = int(str(row["document"]).split("-")[1]), row["index"]
        if number % 2:
            twin = rows[(number - 1) * 6 + int(str(index))]
            row |= {"text": twin["text"], "roles": twin["roles"]}
    data = f"data.train={write_jsonl(tmp_path / 'rows.jsonl', rows)}"
    with pytest.raises(ConfigError, match=r"--set split\.group=story keeps together what belongs together"):
        train_tiny(tmp_path / "m", data, "training.epochs=1")
    result = train_tiny(tmp_path / "m", data, "training.epochs=1", "split.group=story")
    assert () == result.leakage.leaks
    assert None is result.leaked
    assert result.model == result.clean


def test_reported_leaks_give_scores_on_leaked_and_clean_sentences_and_a_warning(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    rows = leaking_files(tmp_path, document="doc-3")
    result = train_tiny(tmp_path / "m", *rows, "split.validation=0.2", "training.epochs=1", "leakage=report")
    assert (1, 35) == (result.leaked.sentences, result.clean.sentences)
    assert any("1 of 36 test sentences share a text, a document or a story" in line for line in result.warnings)
    bundle = load_bundle(tmp_path / "m")
    metrics = bundle.manifest.metrics
    assert (result.leaked.to_dict(), result.clean.to_dict()) == (metrics["leaked"], metrics["clean"])
    assert result.leakage.to_dict(texts=False) == metrics["leakage"]
    # What a finished model is evaluated or exported with is read without the gate, leaks or not.
    assert training_data(bundle).splits == load_splits(load_config(tmp_path / "m" / "training_config.yaml"), ROLES)

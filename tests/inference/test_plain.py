"""Classifiers of transformers that eventroles has not made: their labels, their activation, what they cannot say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from eventroles import LabelSet, Tagger
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, ModelError

TEXTS = ["soldiers shelled the town", "the minister said it was retaliated", "two were killed in the north"]


@pytest.fixture
def copy(plain_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain_folder, tmp_path / "plain"))


def edit(folder: Path, **changes: Any) -> None:
    """Change config.json; a value of None takes the key out."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}), encoding="utf-8")


def tag(folder: Path, **options: Any) -> list[Any]:
    with pytest.warns(RuntimeWarning, match="nothing is calibrated"):
        return Tagger.from_pretrained(folder, device="cpu", **options).tag_sentences(TEXTS)


def pipeline(folder: Path, **options: Any) -> list[dict[str, float]]:
    """Return what transformers itself says."""
    import transformers

    run = transformers.pipeline("text-classification", str(folder), device="cpu")
    return [{one["label"]: one["score"] for one in row} for row in run(TEXTS, top_k=None, **options)]


def test_scores_are_the_sigmoids_that_transformers_gives_and_the_threshold_is_one_half(copy: Path) -> None:
    expected = pipeline(copy, function_to_apply="sigmoid")
    for row, found in zip(expected, tag(copy), strict=True):
        assert row == pytest.approx(found.scores, abs=1e-5)
        assert {name for name, score in row.items() if score >= 0.5} == set(found.roles)
        assert not found.review


@pytest.mark.parametrize("kind", ["single_label_classification", None])
def test_a_model_of_one_label_a_sentence_gives_its_softmax_and_the_most_probable_label(
    copy: Path, kind: str | None
) -> None:
    edit(copy, problem_type=kind)
    expected = pipeline(copy)
    for row, found in zip(expected, tag(copy), strict=True):
        assert row == pytest.approx(found.scores, abs=1e-5)
        assert (max(row, key=lambda name: row[name]),) == found.roles


def test_the_warning_says_what_is_known_of_the_scores(copy: Path) -> None:
    with pytest.warns(RuntimeWarning) as caught:
        Tagger.from_pretrained(copy, device="cpu")
    message = str(caught[0].message)
    assert "has no eventroles.json" in message
    assert "its scores its sigmoids; the threshold is 0.5, and nothing is calibrated" in message
    assert __file__ == caught[0].filename


def test_unnamed_labels_are_refused_until_they_are_named(copy: Path, tmp_path: Path) -> None:
    edit(copy, id2label={str(index): f"LABEL_{index}" for index in range(3)})
    with pytest.raises(ConfigError, match=r"what its 3 outputs mean \(LABEL_0, LABEL_1, LABEL_2\).*--labels"):
        Tagger.from_pretrained(copy)
    file = tmp_path / "mine.yaml"
    labels = [{"name": name, "title": name, "definition": f"It is {name}."} for name in ("a", "b", "c")]
    file.write_text(json.dumps({"name": "mine", "version": "1", "labels": labels}), encoding="utf-8")
    found = tag(copy, labels=LabelSet.load(file))
    assert ["a", "b", "c"] == list(found[0].scores)


def test_labels_of_another_number_are_refused(copy: Path) -> None:
    with pytest.raises(ConfigError, match=r"has 3 outputs .* has 4 labels"):
        Tagger.from_pretrained(copy, labels=LabelSet.load("roles"))


def test_labels_of_one_of_our_models_are_its_own(model_folder: Path, tmp_path: Path) -> None:
    labels = [{"name": name, "title": name, "definition": "x"} for name in "abcd"]
    other = LabelSet.from_dict({"name": "x", "version": "1", "labels": labels}, source="x")
    with pytest.raises(ConfigError, match="says itself what its outputs are: attack, retaliation"):
        Tagger.from_pretrained(model_folder, labels=other)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"problem_type": "regression"}, ModelError, "measures"),
        ({"architectures": ["BertModel"]}, ModelError, "no classifier of sentences.*--set model.base="),
        ({"architectures": None}, ModelError, "no classifier of sentences"),
        ({"auto_map": {"AutoModel": "x.Y"}}, ModelError, "code of its own"),
        ({"id2label": {"zero": "a"}}, ModelError, "config.json is damaged"),
        ({"id2label": {"0": "none", "1": "b", "2": "c"}}, ConfigError, "--labels FILE"),
    ],
)
def test_what_is_no_classifier_of_sentences_is_refused_with_the_reason(
    copy: Path, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    edit(copy, **changes)
    with pytest.raises(error, match=said):
        load_bundle(copy)


def test_the_window_is_what_tokenizer_and_positions_allow(copy: Path) -> None:
    assert 64 == load_bundle(copy).manifest.window
    path = copy / "tokenizer_config.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(tokenizer | {"model_max_length": 20}), encoding="utf-8")
    assert 20 == load_bundle(copy).manifest.window
    path.write_text(json.dumps(tokenizer | {"model_max_length": 10**30}), encoding="utf-8")
    assert 64 == load_bundle(copy).manifest.window


def test_the_revision_changes_with_the_weights(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    before = load_bundle(copy).revision
    assert before == load_bundle(copy).revision
    weights = load_file(copy / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert before != load_bundle(copy).revision


def test_weights_in_several_files_are_read(copy: Path, plain_folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(plain_folder)
    (copy / "model.safetensors").unlink()
    model.save_pretrained(copy, max_shard_size="20KB")
    assert (copy / "model.safetensors.index.json").is_file()
    for one, other in zip(tag(copy), tag(plain_folder), strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


def test_a_model_with_a_slow_tokenizer_alone_is_read(copy: Path, plain_folder: Path) -> None:
    vocabulary = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (copy / "tokenizer.json").unlink()
    (copy / "vocab.txt").write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")
    path = copy / "tokenizer_config.json"
    path.write_text(json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True}), encoding="utf-8")
    for one, other in zip(tag(copy), tag(plain_folder), strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_a_plain_model_is_evaluated_and_compared_like_any_other(copy: Path, tmp_path: Path) -> None:
    from eventroles.training import evaluate
    from eventroles.training.compare import compare

    names = ("violence", "talks", "aid")
    rows = [
        {"document": f"d{number}", "index": 0, "text": f"{text} {number}", "roles": [names[(number + shift) % 3]]}
        for number in range(6)
        for shift, text in enumerate(TEXTS)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="nothing is calibrated"):
        found = evaluate(copy, [path], device="cpu")
    assert list(names) == list(found.model.labels)
    with pytest.warns(RuntimeWarning, match="nothing is calibrated"):
        compared = compare(copy, copy, data=[path], device="cpu")
    assert 0 == compared.macro_f1.difference.value

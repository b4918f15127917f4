"""A training run from config to model folder: what it leaves behind, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import FILLER, LEARN, make_rows, write_jsonl
from eventroles import Tagger
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, DataError, EventRolesError, ModelError
from eventroles.training import train


def test_the_folder_holds_what_transformers_and_the_hub_expect_and_nothing_that_runs_code(model_folder: Path) -> None:
    names = {path.name for path in model_folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "eventroles.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl", ".py"))]
    config = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    assert "multi_label_classification" == config["problem_type"]
    assert {"0": "attack", "1": "retaliation", "2": "casualty_report", "3": "official_statement"} == config["id2label"]


def test_a_model_learns_which_words_make_a_role_and_finds_them_in_other_documents(model_folder: Path) -> None:
    assert load_bundle(model_folder).manifest.metrics["model"]["macro_f1"]["value"] > 0.75


def test_the_resolved_config_travels_with_the_model(model_folder: Path, settings: list[str]) -> None:
    saved = load_config(model_folder / "training_config.yaml")
    assert load_config("smoke", [*settings, *LEARN, f"output.folder={model_folder}"]) == saved


def test_the_card_has_valid_metadata_and_the_measured_scores(model_folder: Path) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(model_folder / "README.md")
    assert "text-classification" == card.data.pipeline_tag
    measured = load_bundle(model_folder).manifest.metrics["model"]["macro_f1"]["value"]
    assert round(measured, 4) == card.data.eval_results[0].metric_value
    assert f"{measured:.3f}" in card.text
    assert yaml.safe_load(card.data.to_yaml())["library_name"] == "transformers"


def test_what_is_reported_is_what_the_saved_folder_scores(
    model_folder: Path, settings: list[str], tmp_path: Path
) -> None:
    from eventroles.labels import LabelSet
    from eventroles.training.data import load_splits
    from eventroles.training.evaluate import evaluate

    splits = load_splits(load_config(model_folder / "training_config.yaml"), LabelSet.load("roles"))
    rows = [{"document": r.document, "index": r.index, "text": r.text, "roles": list(r.roles)} for r in splits.test]
    found = evaluate(model_folder, [write_jsonl(tmp_path / "test.jsonl", rows)], device="cpu")
    assert load_bundle(model_folder).manifest.metrics["model"] == found.model.to_dict()
    assert found.baseline is not None
    assert load_bundle(model_folder).manifest.metrics["baseline"] == found.baseline.to_dict()


def test_an_exclusive_set_trains_to_softmax_and_its_negative_label_is_no_role(
    settings: list[str], tmp_path: Path
) -> None:
    rows = [{**row, "roles": ["violent"] if "attack" in row["roles"] else []} for row in make_rows(40)]
    labels = {"name": "x", "version": "1", "exclusive": True, "negative": "calm"}
    labels["labels"] = [{"name": name, "title": name, "definition": name} for name in ("violent", "calm")]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    more = [f"data.train={data}", f"labels={json.dumps(labels)}", f"output.folder={tmp_path / 'm'}"]
    result = train(load_config("smoke", [*settings, *more]))
    assert result is not None
    assert result.model.macro_f1.value > 0.6
    tagger = Tagger.from_pretrained(tmp_path / "m", device="cpu")
    violent, calm = tagger.tag_sentences(["soldiers bombed the town", "the river and the road"])
    assert ("violent",) == violent.roles
    assert () == calm.roles
    assert 1 == pytest.approx(sum(calm.scores.values()), abs=1e-5)
    from transformers import pipeline

    (plain,) = pipeline("text-classification", model=str(tmp_path / "m"), top_k=None, device="cpu")(["the river"])
    assert 1 == pytest.approx(sum(entry["score"] for entry in plain), abs=1e-5)


def test_a_set_of_one_label_trains(settings: list[str], tmp_path: Path) -> None:
    rows = [{**row, "roles": ["attack"] if "attack" in row["roles"] else []} for row in make_rows(20)]
    labels = {
        "name": "one",
        "version": "1",
        "labels": [{"name": "attack", "title": "Attack", "definition": "An attack"}],
    }
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    more = [
        f"data.train={data}",
        f"labels={json.dumps(labels)}",
        "training.epochs=1",
        f"output.folder={tmp_path / 'm'}",
    ]
    assert train(load_config("smoke", [*settings, *more])) is not None
    assert ("attack",) == Tagger.from_pretrained(tmp_path / "m", device="cpu").labels.names


def test_sentences_longer_than_the_window_are_counted_not_cut_in_silence(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    rows = make_rows()
    for row in rows[:5]:
        row["text"] = f"{row['text']} {' '.join(FILLER * 6)}"
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    result = train_tiny(tmp_path / "m", f"data.train={data}", "training.epochs=1")
    assert 0 < result.truncated <= 5
    assert any("longer than the window of 48 tokens" in warning for warning in result.warnings)


def test_a_model_that_never_gives_a_label_is_called_what_it_is(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    rows = [{**row, "roles": row["roles"] if number % 8 == 0 else []} for number, row in enumerate(make_rows(48))]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    slow = ["training.epochs=2", "training.learning_rate=1e-5", "training.head_learning_rate=2e-2"]
    result = train_tiny(tmp_path / "m", f"data.train={data}", *slow)
    assert any("the same (no label)" in warning and "learned nothing" in warning for warning in result.warnings)


def test_a_model_that_always_gives_the_same_label_is_called_what_it_is(settings: list[str], tmp_path: Path) -> None:
    rows = [{**row, "roles": [] if number % 8 == 0 else ["violent"]} for number, row in enumerate(make_rows(48))]
    labels = {"name": "x", "version": "1", "exclusive": True, "negative": "calm"}
    labels["labels"] = [{"name": name, "title": name, "definition": name} for name in ("violent", "calm")]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    slow = ["training.epochs=2", "training.learning_rate=1e-5", "training.head_learning_rate=2e-2"]
    more = [f"data.train={data}", f"labels={json.dumps(labels)}", f"output.folder={tmp_path / 'm'}"]
    result = train(load_config("smoke", [*settings, *slow, *more]))
    assert result is not None
    assert any("the same (violent)" in warning for warning in result.warnings)


def test_a_label_missing_from_the_test_split_is_said(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    train_rows, test_rows = make_rows(), make_rows(4, seed=9)
    for row in test_rows:
        row["roles"] = [role for role in row["roles"] if role != "retaliation"]
        row["document"] = f"test-{row['document']}"
    files = [
        f"data.{name}={write_jsonl(tmp_path / f'{name}.jsonl', rows)}"
        for name, rows in (("train", train_rows), ("test", test_rows))
    ]
    result = train_tiny(tmp_path / "m", *files, "training.epochs=1")
    assert any("the test split has no sentence with retaliation" in warning for warning in result.warnings)


def test_a_label_that_never_occurs_in_training_is_refused_with_its_name(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    rows = [{**row, "roles": [role for role in row["roles"] if role != "retaliation"]} for row in make_rows()]
    with pytest.raises(DataError, match=r"label 'retaliation' is never given in the .* of the train split"):
        train_tiny(tmp_path / "m", f"data.train={write_jsonl(tmp_path / 'rows.jsonl', rows)}")
    assert not (tmp_path / "m").exists()


def test_a_finished_model_is_not_overwritten_unless_asked(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    train_tiny(tmp_path / "m", "training.epochs=1")
    before = (tmp_path / "m" / "eventroles.json").read_bytes()
    with pytest.raises(ConfigError, match=r"holds a finished model already.*output\.overwrite=true"):
        train_tiny(tmp_path / "m", "training.epochs=1", "training.seed=5")
    assert before == (tmp_path / "m" / "eventroles.json").read_bytes()
    train_tiny(tmp_path / "m", "training.epochs=1", "training.seed=5", "output.overwrite=true")
    assert before != (tmp_path / "m" / "eventroles.json").read_bytes()


def test_a_folder_with_other_things_in_it_is_left_alone(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds other files"):
        train_tiny(tmp_path)
    assert ["thesis.txt"] == [path.name for path in tmp_path.iterdir()]


def test_checkpoints_stay_only_if_asked(train_tiny: Callable[..., Any], tmp_path: Path) -> None:
    train_tiny(tmp_path / "m", "training.epochs=1", "output.keep_checkpoints=true")
    assert list((tmp_path / "m" / "checkpoints").glob("checkpoint-*"))


def test_a_base_model_of_pickled_weights_is_refused(
    train_tiny: Callable[..., Any], base_folder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((base_folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match=r"its weights are in pytorch_model\.bin, of a kind that can run code"):
        train_tiny(tmp_path / "m", f"model.base={tmp_path}")


def test_a_window_longer_than_the_positions_of_the_base_is_refused(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"model\.max_length: 128 tokens, but .* has 64 positions"):
        train_tiny(tmp_path / "m", "model.max_length=128")


def test_a_missing_extra_names_the_install_to_run(
    train_tiny: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(EventRolesError, match=r"accelerate is not installed. Run: pip install 'eventroles\[train\]'"):
        train_tiny(tmp_path / "m")


def test_a_trained_model_can_be_the_base_of_another_with_other_labels(
    model_folder: Path, train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    labels = {"name": "two", "version": "1"}
    labels["labels"] = [{"name": name, "title": name, "definition": name} for name in ("attack", "retaliation")]
    rows = [{**row, "roles": [r for r in row["roles"] if r in ("attack", "retaliation")]} for row in make_rows()]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    more = [f"model.base={model_folder}", f"labels={json.dumps(labels)}", f"data.train={data}", "training.epochs=1"]
    assert ("attack", "retaliation") == tuple(train_tiny(tmp_path / "m", *more).model.labels)

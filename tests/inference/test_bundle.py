"""The model folder: complete, unchanged, and in agreement with itself, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eventroles.inference.bundle import file_sha256, load_bundle, write_manifest
from eventroles.labels import ModelError


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of a folder as a person would in an editor."""
    path = folder / "eventroles.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def edit_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change config.json, and its hash in the manifest with it, as someone who means it would."""
    path = folder / "config.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    edit(folder, lambda manifest: manifest["files"].update({"config.json": file_sha256(path)}))


def test_a_trained_folder_says_what_it_is(model_folder: Path) -> None:
    bundle = load_bundle(model_folder)
    assert ("attack", "retaliation", "casualty_report", "official_statement") == bundle.label_set.names
    assert 4 == len(bundle.rule.thresholds) == len(bundle.rule.temperatures)
    assert 48 == bundle.manifest.window
    assert 12 == len(bundle.revision)
    assert "0.1.0" == bundle.manifest.versions["eventroles"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "training_config.yaml"} <= set(bundle.manifest.files)


def test_the_revision_changes_with_the_decision_rule(copy: Path) -> None:
    before = load_bundle(copy).revision
    edit(copy, lambda data: data["decision"]["thresholds"].__setitem__(0, 0.77))
    assert before != load_bundle(copy).revision


def test_the_card_may_be_edited(copy: Path) -> None:
    (copy / "README.md").write_text("my words", encoding="utf-8")
    load_bundle(copy)


def test_writing_the_manifest_again_gives_the_same_bytes(copy: Path) -> None:
    before = (copy / "eventroles.json").read_bytes()
    write_manifest(copy, load_bundle(copy).manifest)
    assert before == (copy / "eventroles.json").read_bytes()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_bundle(copy)


def test_changed_weights_are_refused(copy: Path) -> None:
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(ModelError, match=r"model\.safetensors is not the file that was trained"):
        load_bundle(copy)


def test_label_names_in_another_order_are_refused(copy: Path) -> None:
    def swap(config: dict[str, Any]) -> None:
        config["id2label"]["0"], config["id2label"]["1"] = config["id2label"]["1"], config["id2label"]["0"]

    edit_config(copy, swap)
    with pytest.raises(
        ModelError, match=r"labels of config\.json \(retaliation, attack.*are not those of the label set"
    ):
        load_bundle(copy)


def test_a_config_that_wants_to_run_code_is_refused(copy: Path) -> None:
    edit_config(copy, lambda config: config.update(auto_map={"AutoModel": "modeling.Evil"}))
    with pytest.raises(ModelError, match="auto_map"):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data.pop("decision"), "decision: Field required"),
        (lambda data: data.update(format=2), "format"),
        (lambda data: data.update(extra=1), "extra"),
        (lambda data: data["decision"].update(thresholds=[0.5]), "1 thresholds; expected 4 and 4"),
        (lambda data: data["decision"]["temperatures"].__setitem__(0, 0), "greater than 0"),
        (lambda data: data["label_set"]["labels"].pop(), "are not those of the label set"),
        (lambda data: data["label_set"].pop("name"), "label_set: name"),
        (lambda data: data["files"].update({"../../evil.json": "0"}), "not in the folder"),
        (lambda data: data["files"].pop("model.safetensors"), r"no SHA-256 for model\.safetensors"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused_with_its_key(
    copy: Path, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    edit(copy, change)
    with pytest.raises(ModelError, match=problem):
        load_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_broken_manifest_is_refused(copy: Path, content: bytes) -> None:
    (copy / "eventroles.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"eventroles\.json"):
        load_bundle(copy)


def test_a_folder_whose_training_did_not_finish_says_so(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ModelError, match="training has not finished there"):
        load_bundle(tmp_path)


def test_a_folder_that_is_no_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="eventroles train seeds"):
        load_bundle(tmp_path)

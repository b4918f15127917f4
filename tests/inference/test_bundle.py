"""The model folder: complete, unchanged, and in agreement with itself, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eventroles import Tagger
from eventroles.inference.bundle import load_bundle, write_manifest
from eventroles.inference.checks import file_sha256
from eventroles.inference.manifest import Comparison
from eventroles.labels import ConfigError, ModelError


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


@pytest.fixture
def exported(exported_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported_folder, tmp_path / "exported"))


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
    edit(copy, lambda data: data.update(exports={}))  # or an export would do for the weights
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_bundle(copy)


def change_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 0x7F]))


def test_changed_weights_are_refused_when_an_engine_asks_for_them(copy: Path) -> None:
    change_last_byte(copy / "model.safetensors")
    bundle = load_bundle(copy)
    for ask in (
        lambda: bundle.verified("model.safetensors"),
        lambda: Tagger.from_pretrained(copy, device="cpu", backend="torch"),
    ):
        with pytest.raises(ModelError, match=r"model\.safetensors is not the file that was trained"):
            ask()


def test_weights_that_no_engine_asks_for_are_not_read(exported: Path) -> None:
    change_last_byte(exported / "model.safetensors")
    Tagger.from_pretrained(exported, backend="onnx")


def test_verified_gives_the_path_of_a_file_that_is_unchanged(exported: Path) -> None:
    bundle = load_bundle(exported)
    for name in ("model.safetensors", *(export.file for export in bundle.manifest.exports.values())):
        assert exported / str(name) == bundle.verified(str(name))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("onnx/gone.onnx", r"no SHA-256 for onnx/gone\.onnx"),
        ("onnx/other.onnx", r"no SHA-256 for onnx/other\.onnx"),
        ("../other.onnx", "not in the folder"),
        ("onnx/../../other.onnx", "not in the folder"),
    ],
)
def test_a_file_that_the_manifest_does_not_vouch_for_is_never_verified(exported: Path, name: str, problem: str) -> None:
    for path in (exported / "onnx" / "other.onnx", exported.parent / "other.onnx"):
        path.write_bytes(b"x")
    with pytest.raises(ModelError, match=problem):
        load_bundle(exported).verified(name)


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
        (lambda data: data["decision"].update(biases=[0.5]), "1 biases; expected none or 4"),
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


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data["exports"]["int8"].update(file="int8.onnx"), r"'int8\.onnx'; exports are .* in onnx/"),
        (lambda data: data["exports"]["int8"].update(file="model.safetensors"), "exports are .* in onnx/"),
        (lambda data: data["exports"]["int8"].update(file="onnx/config.json"), "exports are .* in onnx/"),
        (
            lambda data: data["exports"]["int8"].update(file="../evil.onnx"),
            r"'\.\./evil\.onnx'; exports are .* in onnx/",
        ),
        (lambda data: data["exports"]["int8"].update(file="onnx/../evil.onnx"), "not in the folder"),
        (lambda data: data["files"].update({"onnx/../evil.onnx": "0"}), "not in the folder"),
        (lambda data: data["exports"]["int8"].update(file="onnx/other.onnx"), r"no SHA-256 for onnx/other\.onnx"),
        (lambda data: data["exports"].update(int4=data["exports"]["int8"]), "exports.int4"),
        (lambda data: data["exports"]["int8"]["decision"].update(thresholds=[0.5]), "1 thresholds; expected 4 and 4"),
        (lambda data: data["exports"]["int8"]["decision"].update(temperatures=[0, 1, 1, 1]), "greater than 0"),
        (lambda data: data["exports"]["int8"].pop("reason"), "exports.int8.reason: Field required"),
    ],
)
def test_exports_that_were_tampered_with_are_refused_with_their_key(
    exported: Path, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    for path in (exported / "int8.onnx", exported.parent / "evil.onnx"):
        path.write_bytes(b"x")
    write_manifest(exported, load_bundle(exported).manifest)
    edit(exported, change)
    with pytest.raises(ModelError, match=problem):
        load_bundle(exported)


def test_an_export_at_the_top_of_the_folder_is_refused_though_its_hash_is_right(exported: Path) -> None:
    name = "elsewhere.onnx"
    shutil.copy(exported / str(load_bundle(exported).exported("int8")), exported / name)

    def move(data: dict[str, Any]) -> None:
        data["exports"]["int8"]["file"] = name
        data["files"][name] = file_sha256(exported / name)

    edit(exported, move)
    with pytest.raises(ModelError, match=r"'elsewhere\.onnx'; exports are \.onnx files in onnx/"):
        load_bundle(exported)


def test_an_export_is_there_if_it_was_kept_and_its_file_lies_in_the_folder(exported: Path) -> None:
    bundle = load_bundle(exported)
    fp32, int8 = str(bundle.exported("fp32")), str(bundle.exported("int8"))
    assert all(name.startswith("onnx/") and (exported / name).is_file() for name in (fp32, int8))
    assert fp32 != int8
    (exported / fp32).unlink()
    edit(exported, lambda data: data["exports"]["int8"].update(file=None, decision=None, reason="it changes too much"))
    bundle = load_bundle(exported)
    assert (None, None) == (bundle.exported("fp32"), bundle.exported("int8"))


def test_int8_has_a_decision_rule_of_its_own_and_fp32_has_that_of_the_model(exported: Path) -> None:
    edit(exported, lambda data: data["exports"]["int8"]["decision"].update(thresholds=[0.1, 0.2, 0.3, 0.4]))
    bundle = load_bundle(exported)
    assert (0.1, 0.2, 0.3, 0.4) == bundle.rule_for("int8").thresholds
    assert bundle.rule == bundle.rule_for("fp32")


def test_exports_are_read_back_as_they_were_written(exported: Path) -> None:
    manifest = load_bundle(exported).manifest
    compared = Comparison(
        sentences=10,
        decisions=40,
        largest_change=0.25,
        mean_change=0.01,
        flips={"attack": 1, "retaliation": 0, "casualty_report": 2, "official_statement": 0},
        macro_f1=0.9,
        macro_f1_change=-0.01,
    )
    measured = manifest.exports["int8"].model_copy(update={"comparison": compared, "kept_fp32": ["layer.0.output"]})
    exports = manifest.exports | {"int8": measured}
    write_manifest(exported, manifest.model_copy(update={"exports": exports}))
    found = load_bundle(exported).manifest
    assert exports == found.exports
    assert {export.file for export in exports.values()} <= set(found.files)
    assert pytest.approx(3 / 40) == compared.flip_share


def test_exports_do_for_weights_that_are_not_there(exported: Path) -> None:
    (exported / "model.safetensors").unlink()
    bundle = load_bundle(exported)
    assert not bundle.has("model.safetensors")
    for export in bundle.manifest.exports.values():
        (exported / str(export.file)).unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        load_bundle(exported)


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


def test_a_trained_folder_keeps_review_bands_for_several_target_errors(model_folder: Path) -> None:
    bundle = load_bundle(model_folder)
    assert [0.005, 0.01, 0.02, 0.05, 0.1, 0.2] == [found.max_error for found in bundle.rule.review]
    assert all(4 == len(found.bands) for found in bundle.rule.review)
    assert 0.05 == bundle.rule.max_error


def test_another_target_error_is_chosen_for_every_precision_and_the_revision_stays(exported_folder: Path) -> None:
    bundle = load_bundle(exported_folder)
    other = bundle.with_max_error(0.15)
    assert [0.1, 0.1] == [other.rule_for(precision).max_error for precision in ("fp32", "int8")]
    assert bundle.rule_for("int8").review == other.rule_for("int8").review
    assert bundle.revision == other.revision


def test_a_folder_of_an_older_version_has_no_review_bands_and_no_error_rates(copy: Path) -> None:
    def make_older(data: dict[str, Any]) -> None:
        del data["errors"], data["decision"]["review"], data["decision"]["max_error"]

    edit(copy, make_older)
    bundle = load_bundle(copy)
    assert (None, (), {}) == (bundle.rule.max_error, bundle.rule.review, bundle.errors_for("fp32"))
    sentences = Tagger.from_pretrained(copy, device="cpu").tag("Soldiers shelled the town. The harvest was good.")
    assert [False, False] == [sentence.review for sentence in sentences]
    with pytest.raises(ConfigError, match="no review bands"):
        Tagger.from_pretrained(copy, device="cpu", max_error=0.1)


def test_review_bands_that_do_not_fit_the_labels_are_refused(copy: Path) -> None:
    def drop(data: dict[str, Any]) -> None:
        data["decision"]["review"][0]["bands"].pop()
        data["decision"]["max_error"] = 0.3

    edit(copy, drop)
    with pytest.raises(ModelError, match="3 review bands for one target error; expected 4") as caught:
        load_bundle(copy)
    assert "no review bands for its max_error 0.3" in str(caught.value)

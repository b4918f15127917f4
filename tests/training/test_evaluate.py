"""Scoring a model on labelled sentences."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import make_rows, write_jsonl
from eventroles.labels import ConfigError, DataError
from eventroles.training import evaluate


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{**row, "rule": f"rule-{number % 3}"} for number, row in enumerate(make_rows(10, seed=77))]
    return write_jsonl(tmp_path_factory.mktemp("labelled") / "new.jsonl", rows)


def test_the_baseline_is_trained_again_on_the_same_data_and_stands_beside(model_folder: Path, labelled: Path) -> None:
    found = evaluate(model_folder, [labelled], device="cpu")
    assert 60 == found.model.sentences
    assert 10 == found.model.documents
    assert found.baseline is not None
    assert found.baseline.macro_f1.value > 0.5


def test_pass_rates_by_a_column_add_up_to_the_exact_match(model_folder: Path, labelled: Path) -> None:
    found = evaluate(model_folder, [labelled], by="rule", device="cpu")
    assert ["rule-0", "rule-1", "rule-2"] == [group.value for group in found.groups]
    assert [20, 20, 20] == [group.sentences for group in found.groups]
    assert found.model.exact_match.value == pytest.approx(sum(group.passed for group in found.groups) / 60)


def test_a_column_that_is_not_there_is_named_with_the_nearest(model_folder: Path, labelled: Path) -> None:
    with pytest.raises(ConfigError, match=r"--by rul: no such column.*Did you mean 'rule'"):
        evaluate(model_folder, [labelled], by="rul", device="cpu")


def test_other_column_names_can_be_given(model_folder: Path, tmp_path: Path) -> None:
    rows = [{"body": row["text"], "codes": "|".join(row["roles"])} for row in make_rows(3, seed=8)]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    with pytest.raises(DataError, match=r"no column 'text'.*--text-column"):
        evaluate(model_folder, [path], device="cpu")
    found = evaluate(model_folder, [path], text_column="body", roles_column="codes", device="cpu")
    assert 18 == found.model.sentences


def test_without_the_training_data_there_is_no_baseline_and_the_reason_is_given(
    model_folder: Path, labelled: Path, tmp_path: Path
) -> None:
    from eventroles.inference.bundle import load_bundle, write_manifest

    copy = Path(shutil.copytree(model_folder, tmp_path / "copy"))
    config = copy / "training_config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("train.jsonl", "gone.jsonl"), encoding="utf-8")
    write_manifest(copy, load_bundle(model_folder).manifest)
    found = evaluate(copy, [labelled], device="cpu")
    assert found.baseline is None
    assert "training data is not here" in found.baseline_missing


def test_changed_training_data_gives_no_baseline(model_folder: Path, labelled: Path, tmp_path: Path) -> None:
    from eventroles.inference.bundle import load_bundle, write_manifest

    copy = Path(shutil.copytree(model_folder, tmp_path / "copy"))
    config = copy / "training_config.yaml"
    other = write_jsonl(tmp_path / "train.jsonl", make_rows(24, seed=123))
    text = config.read_text(encoding="utf-8")
    original = next(line.strip(" -") for line in text.splitlines() if line.strip().endswith("train.jsonl"))
    config.write_text(text.replace(original, str(other)), encoding="utf-8")
    write_manifest(copy, load_bundle(model_folder).manifest)
    assert "its training data has changed since" == evaluate(copy, [labelled], device="cpu").baseline_missing

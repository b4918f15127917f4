"""Scoring a model on labelled sentences."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import make_rows, write_jsonl
from eventroles.inference import Tagger
from eventroles.labels import ConfigError, DataError
from eventroles.labels.records import read_records
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
    (by_rule,) = found.slices
    assert "rule" == by_rule.column
    assert ["rule-0", "rule-1", "rule-2"] == [group.value for group in by_rule.groups]
    assert [20, 20, 20] == [group.sentences for group in by_rule.groups]
    assert found.model.exact_match.value == pytest.approx(sum(group.passed for group in by_rule.groups) / 60)


def test_a_column_that_is_not_there_is_named_with_the_nearest(model_folder: Path, labelled: Path) -> None:
    with pytest.raises(ConfigError, match=r"--by rul: no such column.*Did you mean 'rule'"):
        evaluate(model_folder, [labelled], by=["rule", "rul"], device="cpu")


def test_several_columns_can_be_asked_for_and_length_is_always_one(model_folder: Path, labelled: Path) -> None:
    found = evaluate(model_folder, [labelled], by=["length", "rule"], device="cpu")
    assert ["length", "rule"] == [one.column for one in found.slices]
    assert ["length", "rule"] == [one.column for one in evaluate(model_folder, [labelled], device="cpu").slices]


def test_all_that_a_report_tells_agrees_and_can_be_written_as_json(model_folder: Path, labelled: Path) -> None:
    found = evaluate(model_folder, [labelled], mistakes=2, device="cpu")
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert str(model_folder) == found.name == data["name"]
    assert [str(labelled)] == data["data"]
    assert list(found.labels.names) == [label["name"] for label in data["labels"]["labels"]]
    for number, (name, scores) in enumerate(found.model.labels.items()):
        in_use = found.curves[name].in_use
        assert in_use is not None
        assert scores.precision.value == pytest.approx(in_use.precision)
        assert scores.recall.value == pytest.approx(in_use.recall)
        assert found.rule.thresholds[number] == in_use.threshold
        assert scores.support == pytest.approx(sum(found.confusion.matrix[number]))
        assert found.confusion.missed[name].sentences == found.mistakes[name].all_misses
        assert found.confusion.false_alarms[name].sentences == found.mistakes[name].all_false_alarms
        assert 2 >= len(found.mistakes[name].false_alarms)
        assert 60 == found.calibration[name].sentences
        assert 0 < data["calibration"][name]["after"]["error"]["value"] < 1
    assert found.model.example_f1_at_half is not None
    assert 0 < data["model"]["example_f1"]["value"] <= 1
    assert "pass_rate" in data["slices"][0]["groups"][0]


def test_calibration_before_is_that_of_temperature_1(model_folder: Path, labelled: Path) -> None:
    from sklearn.metrics import brier_score_loss

    found = evaluate(model_folder, [labelled], device="cpu")
    tagger = Tagger.from_pretrained(model_folder, device="cpu")
    records = read_records(labelled, tagger.labels)
    logits = tagger.engine.logits(tagger.encoder.encode([record.text for record in records], [""] * 60))
    wanted = ["attack" in record.roles for record in records]
    expected = brier_score_loss(wanted, 1 / (1 + np.exp(-logits[:, 0].astype(np.float64))))
    assert 1.0 != found.rule.temperatures[0]
    assert expected == pytest.approx(found.calibration["attack"].before.brier.value, abs=1e-6)
    assert expected != pytest.approx(found.calibration["attack"].after.brier.value, abs=1e-6)


def test_an_exclusive_set_is_evaluated_with_the_usual_matrix(train_tiny: Callable[..., object], tmp_path: Path) -> None:
    labels = "{name: kinds, version: 1, exclusive: true, negative: other, labels: [" + ", ".join(
        f"{{name: {name}, title: {name}, definition: {name}, color: '#00000{k}'}}"
        for k, name in enumerate(("attack", "casualty_report", "other"))
    )
    rows = [
        {**row, "roles": [role for role in row["roles"] if role in ("attack", "casualty_report")][:1]}
        for row in make_rows(20, seed=5)
    ]
    data = write_jsonl(tmp_path / "exclusive.jsonl", rows)
    train_tiny(tmp_path / "model", f"labels={labels}]}}", f"data.train={data}", "training.epochs=2")
    found = evaluate(tmp_path / "model", [data], device="cpu")
    matrix = np.array(found.confusion.matrix)
    assert (3, 120) == (len(found.labels), matrix.sum())
    assert [0.0] * 8 == [*matrix[3], *matrix[:, 3]]
    assert found.model.exact_match.value == pytest.approx(np.trace(matrix) / 120)
    assert {None} == {curve.in_use.threshold for curve in found.curves.values() if curve.in_use}
    assert found.model.example_f1 == found.model.example_f1_at_half, "no temperature changes the most probable label"


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

"""`eventroles evaluate`: what it prints, what it writes, and which arguments are models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from conftest import make_rows, write_jsonl
from eventroles.cli import app
from eventroles.commands.evaluate import _is_model
from eventroles.labels import ConfigError, EventRolesError
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{**row, "rule": f"rule-{k % 2}", "genre": "wire"} for k, row in enumerate(make_rows(12, seed=7))]
    return write_jsonl(tmp_path_factory.mktemp("labelled") / "new.jsonl", rows)


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--device", "cpu"])


def refused(*arguments: object) -> str:
    error = evaluate(*arguments).exception
    assert isinstance(error, EventRolesError), error
    assert isinstance(error, ConfigError)
    return str(error)


def test_scores_calibration_and_confusion_are_printed_and_slices_that_were_asked_for(
    model_folder: Path, labelled: Path
) -> None:
    done = evaluate(model_folder, labelled, "--by", "rule", "--by", "length")
    assert 0 == done.exit_code, done.output
    told = ("example F1", "example F1 at 0.5", "ECE before", "given wrongly", "by rule", "by length", "up to 10 words")
    assert all(text in done.stdout for text in told), done.stdout
    assert "by genre" not in done.stdout


def test_all_numbers_are_written_as_json(model_folder: Path, labelled: Path, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    done = evaluate(model_folder, labelled, "--json", path)
    assert 0 == done.exit_code, done.output
    data = json.loads(path.read_text(encoding="utf-8"))
    assert {"model", "baseline", "calibration", "curves", "confusion", "slices", "mistakes"} <= set(data)
    assert ["length", "rule"] == [one["column"] for one in data["slices"]], "unasked; genre has one value only"
    assert f"{data['model']['macro_f1']['value']:.3f}" in done.stdout
    assert ["scores.json"] == [found.name for found in tmp_path.iterdir()]


def test_two_models_are_tested_against_each_other(model_folder: Path, labelled: Path, tmp_path: Path) -> None:
    done = evaluate(model_folder, model_folder, labelled, "--json", tmp_path / "test.json")
    assert 0 == done.exit_code, done.output
    assert "Two models on the same sentences" in done.stdout
    assert "72 sentences in 12 documents, 0 decisions differ" in " ".join(done.stdout.split())
    assert 1.0 == json.loads((tmp_path / "test.json").read_text(encoding="utf-8"))["macro_f1"]["p_value"]


def test_what_is_for_one_model_is_refused_for_two(model_folder: Path, labelled: Path, tmp_path: Path) -> None:
    assert "--by and --revision: for one model only" in refused(
        model_folder, model_folder, labelled, "--by", "rule", "--revision", "main"
    )
    assert "is taken for a second model" in refused(model_folder, model_folder)
    assert "is a folder; name a file" in refused(model_folder, labelled, "--json", tmp_path)


def test_a_data_file_that_is_not_there_is_no_model(model_folder: Path) -> None:
    assert "DATA: 'data/gone.jsonl' names no" in refused(model_folder, "data/gone.jsonl")


@pytest.mark.parametrize("name", ["my-team/conflict-roles", "me/model-v1.5", "s3://bucket/models/roles"])
def test_a_hub_id_and_an_address_are_models(name: str) -> None:
    assert _is_model(name)


@pytest.mark.parametrize(
    "name",
    [
        "data/new.jsonl",
        "data/new.CSV",
        "data/new.parquet",
        "data/*",
        "package:corpus",
        "a/b/c",
        "./x",
        "~/x",
        "s3://a/b.csv",
        "",
    ],
)
def test_what_could_be_data_is_no_model(name: str) -> None:
    assert not _is_model(name)


def test_a_folder_is_a_model_only_with_a_manifest(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my" / "sentences").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not _is_model("my/sentences")
    assert _is_model("my/model")
    assert _is_model(str(model_folder))

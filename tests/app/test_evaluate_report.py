"""`eventroles evaluate --report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from conftest import make_rows, write_jsonl
from eventroles.cli import app
from typer.testing import CliRunner

PERTURBED = {"name": "typos", "macro_f1": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("data") / "new.jsonl", make_rows(4, seed=4))


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--device", "cpu"])


def test_a_report_is_written_with_what_the_model_was_made_of(model_folder: Path, data: Path, tmp_path: Path) -> None:
    done = evaluate(model_folder, data, "--report", tmp_path / "reports" / "new")
    assert 0 == done.exit_code, done.output
    assert "macro F1" in done.stdout
    assert "report.html" in done.stderr
    numbers = json.loads((tmp_path / "reports" / "new" / "report.json").read_text(encoding="utf-8"))
    assert ("tiny", ["new.jsonl"]) == (numbers["evaluation"]["name"], numbers["evaluation"]["data"])
    assert ["train.jsonl"] == numbers["model"]["data"]["sources"]
    for name in ("report.html", "report.json"):
        text = (tmp_path / "reports" / "new" / name).read_text(encoding="utf-8")
        assert str(model_folder.parent) not in text
        assert str(data.parent) not in text


def test_results_of_other_commands_are_taken_in(model_folder: Path, data: Path, tmp_path: Path) -> None:
    share = {"flips": 1, "decisions": 8, "share": {"value": 0.125, "low": None, "high": None}}
    flips = {"sentences": 2, "overall": share, "roles": {}}
    found = {"sentences": 2, "documents": 1, "macro_f1": 0.5, "actors": None, "rules": []}
    found |= {"perturbations": [{**PERTURBED, "flips": flips}]}
    results = tmp_path / "robustness.json"
    results.write_text(json.dumps(found), encoding="utf-8")
    done = evaluate(model_folder, data, "--report", tmp_path / "report", "--include", results)
    assert 0 == done.exit_code, done.output
    assert "12.5\u202f%" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_options_that_cannot_be_right_are_refused_before_anything_runs(
    model_folder: Path, data: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")
    wrong = {
        "is a file; name a folder": ("--report", taken),
        "there is no report to put it into": ("--include", taken),
        "it is no JSON": ("--report", tmp_path / "report", "--include", taken),
    }
    for message, options in wrong.items():
        done = evaluate(model_folder, data, *options)
        assert message in str(done.exception)
        assert "" == done.stdout
    two = evaluate(model_folder, model_folder, data, "--report", tmp_path / "report")
    assert "--report: for one model only" in str(two.exception)
    assert not (tmp_path / "report").exists()

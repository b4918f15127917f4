"""The model card: what was measured, in words and tables that a stranger can use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from eventroles.inference.bundle import load_bundle
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, train_tiny: Callable[..., object]) -> Path:
    """A tiny model with exports and a report."""
    folder = tmp_path_factory.mktemp("reported") / "model"
    exports = ("export.fp32=true", "export.int8=true", "export.max_flips=0.9", "export.max_f1_loss=0.9")
    train_tiny(folder, "training.epochs=2", "output.report=true", *exports)
    return folder


def section(card: str, title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.slow
def test_the_card_gives_what_the_run_measured_section_by_section(reported: Path) -> None:
    card = ModelCard.load(reported / "README.md")
    manifest = load_bundle(reported).manifest
    numbers = json.loads((reported / "report" / "report.json").read_text(encoding="utf-8"))
    for name in ("attack", "retaliation", "casualty_report", "official_statement"):
        assert f"| {name} |" in section(card.text, "Calibration")
        assert f"| {name} |" in section(card.text, "Decision rule")
    robustness = section(card.text, "Robustness")
    assert "| lower case |" in robustness
    assert len(numbers["robustness"]["perturbations"]) <= robustness.count("\n| ")
    assert "`onnx/model_int8.onnx`" in section(card.text, "Speed and size")
    assert "transformers.js with `onnx/model.onnx`" in section(card.text, "Use")
    for title in ("What it is for, and what not", "Limits", "Training", "Citation"):
        assert section(card.text, title).strip()
    for place, result in enumerate(card.data.eval_results[2:]):
        label = list(manifest.metrics["model"]["labels"].values())[place]
        assert round(label["f1"]["value"], 4) == result.metric_value
        assert {"low", "high", "level"} == set(result.metric_args)


@pytest.mark.slow
def test_the_card_renders_as_markdown(reported: Path) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(ModelCard.load(reported / "README.md").text)
    kinds = [token.type for token in tokens]
    assert 5 == kinds.count("table_open")
    titles = [
        tokens[place + 1].content for place, token in enumerate(tokens) if token.tag == "h2" and token.nesting == 1
    ]
    assert ["Use", "What it is for, and what not", "Results on the test split"] == titles[:3]
    assert ["python", "bibtex"] == [token.info for token in tokens if token.type == "fence"]


@pytest.mark.slow
def test_the_card_that_comes_last_leaves_the_revision_as_the_report_has_it(reported: Path) -> None:
    numbers = json.loads((reported / "report" / "report.json").read_text(encoding="utf-8"))
    assert load_bundle(reported).revision in json.dumps(numbers)
    (reported / "README.md").write_text("mine", encoding="utf-8")
    assert load_bundle(reported).revision in json.dumps(numbers)


def test_a_card_names_no_folder_of_the_machine_but_its_own(model_folder: Path, base_folder: Path) -> None:
    card = (model_folder / "README.md").read_text(encoding="utf-8")
    assert str(base_folder) not in card
    assert f"| base model | `{base_folder.name}` |" in card
    assert "| data | `train.jsonl` |" in card

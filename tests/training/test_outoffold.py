"""Out-of-fold scores for the decision rule: what `decision.folds` changes in a training run, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eventroles.configs import load_config
from eventroles.inference.bundle import load_bundle
from eventroles.labels import ConfigError, LabelSet, Record
from eventroles.training import train
from eventroles.training.data import load_splits
from eventroles.training.outoffold import JudgedRecords, cut_decision_folds
from eventroles.training.series import Step

ROLES = LabelSet.load("roles")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of a tiny model wait for each other far longer than they work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_the_rule_is_fitted_on_the_folds_too_and_the_model_stays_the_same(
    settings: list[str], train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    steps: list[Step] = []

    def interrupt(step: Step) -> None:
        steps.append(step)
        if step.done == 1 and len(steps) == 2:
            raise KeyboardInterrupt

    short = ["training.epochs=2", "decision.max_error=0.02"]
    config = load_config("smoke", [*settings, *short, "decision.folds=2", f"output.folder={tmp_path / 'folds'}"])
    with pytest.raises(KeyboardInterrupt):
        train(config, on_step=interrupt)
    folded = train(config, resume=True, on_step=steps.append)
    assert folded is not None
    assert [0, 1, 1] == [step.done for step in steps]
    plain = train_tiny(tmp_path / "plain", *short)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("folds", "plain")]
    assert weights[0] == weights[1]
    assert folded.rule.temperatures != plain.rule.temperatures
    assert folded.rule.thresholds != plain.rule.thresholds
    assert folded.rule == load_bundle(tmp_path / "folds").rule
    # 29 validation sentences are too few for an error of 0.02; with the training sentences they are enough.
    assert any("decision.max_error 0.02 needs 49" in warning for warning in plain.warnings)
    assert not any("decision.max_error" in warning for warning in folded.warnings)
    names = {path.name for path in (tmp_path / "folds").iterdir()}
    assert {path.name for path in (tmp_path / "plain").iterdir()} == names


def test_folds_are_cut_from_the_training_split_alone(settings: list[str]) -> None:
    config = load_config("smoke", [*settings, "decision.folds=3"])
    splits = load_splits(config, ROLES)
    folds = cut_decision_folds(splits, config, ROLES)
    assert folds is not None
    assert (3, splits.train) == (folds.count, folds.records)
    assert None is cut_decision_folds(splits, load_config("smoke", settings), ROLES)


def test_more_folds_than_documents_are_refused_before_anything_is_written(
    train_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="too few for 40 folds"):
        train_tiny(tmp_path / "m", "decision.folds=40")
    assert not (tmp_path / "m").exists()


def test_one_fold_is_none_at_all(settings: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"decision\.folds: expected 0 for none, or 2 or more, found 1"):
        load_config("smoke", [*settings, "decision.folds=1"])


def test_several_processes_are_refused(settings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config("smoke", [*settings, "decision.folds=3"])
    splits = load_splits(config, ROLES)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"decision\.folds runs in one process: start the command without torchrun"):
        cut_decision_folds(splits, config, ROLES)


def test_judged_sentences_are_joined_in_order() -> None:
    first, second = Record("a", 0, "one", ()), Record("b", 0, "two", ())
    some = JudgedRecords((first,), np.ones((1, 2), dtype=np.float32))
    joined = some.joined(JudgedRecords((second,), np.zeros((1, 2), dtype=np.float32)))
    assert (first, second) == joined.records
    assert [[1, 1], [0, 0]] == joined.logits.tolist()
    assert some is some.joined(None)

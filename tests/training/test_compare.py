"""Paired tests: a real difference is found, chance is not, and p-values hold what they promise."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import make_rows, write_jsonl
from eventroles.labels import ConfigError, LabelSet
from eventroles.training import compare, evaluate
from eventroles.training.compare import ModelComparison, compare_decisions
from eventroles.training.data import MASKED
from sklearn.metrics import accuracy_score, f1_score

ROLES = LabelSet.load("roles")


def sample(rows: int, *rights: float, seed: int = 0) -> list[np.ndarray]:
    """Return targets and, for each share, decisions of which that share is right."""
    random = np.random.default_rng(seed)
    targets = (random.random((rows, 4)) < 0.4).astype(np.float32)
    return [targets, *((targets == 1) ^ (random.random((rows, 4)) >= right) for right in rights)]


def test_every_score_is_that_of_scikit_learn() -> None:
    targets, first, second = sample(200, 0.7, 0.9)
    found = compare_all(targets, first, second)
    assert f1_score(targets, first, average="macro") == pytest.approx(found.macro_f1.first)
    assert f1_score(targets, second, average="macro") == pytest.approx(found.macro_f1.second)
    assert f1_score(targets[:, 2], first[:, 2]) == pytest.approx(found.labels["casualty_report"].first)
    assert accuracy_score(targets, second) == pytest.approx(found.exact_match.second)
    assert found.macro_f1.second - found.macro_f1.first == pytest.approx(found.macro_f1.difference.value)
    assert (first != second).sum() == found.decisions


def compare_all(
    targets: np.ndarray, first: np.ndarray, second: np.ndarray, *, per_document: int = 4, swaps: int = 999
) -> ModelComparison:
    documents = [f"d{row // per_document}" for row in range(len(targets))]
    return compare_decisions(targets, first, second, documents=documents, labels=ROLES, resamples=200, swaps=swaps)


def test_a_better_model_is_found_better_in_every_score() -> None:
    targets, bad, good = sample(400, 0.7, 0.9)
    found = compare_all(targets, bad, good)
    for one in (found.macro_f1, found.example_f1, found.exact_match, *found.labels.values()):
        assert one.p_value == pytest.approx(0.001)
        assert 0 < one.difference.low < one.difference.value < one.difference.high
    back = compare_all(targets, good, bad)
    assert -found.macro_f1.difference.value == pytest.approx(back.macro_f1.difference.value)
    assert -found.macro_f1.difference.low == pytest.approx(back.macro_f1.difference.high)


def test_a_model_does_not_differ_from_itself() -> None:
    targets, given = sample(100, 0.8)
    found = compare_all(targets, given, given)
    assert (0.0, 0.0, 0.0) == (
        found.macro_f1.difference.value,
        found.macro_f1.difference.low,
        found.macro_f1.difference.high,
    )
    assert (1.0, 1.0, 0) == (found.macro_f1.p_value, found.exact_match.p_value, found.decisions)


def test_p_values_are_those_of_all_swaps() -> None:
    targets, first, second = sample(16, 0.6, 0.8, seed=3)
    found = compare_all(targets, first, second, per_document=2, swaps=19999)

    def difference(swapped: tuple[int, ...]) -> float:
        rows = np.repeat(np.array(swapped, bool), 2)[:, None]
        one, other = np.where(rows, second, first), np.where(rows, first, second)
        return abs(f1_score(targets, other, average="macro") - f1_score(targets, one, average="macro"))

    observed = difference((0,) * 8)
    exact = np.mean([difference(swapped) >= observed - 1e-9 for swapped in itertools.product((0, 1), repeat=8)])
    assert 0.01 < exact < 0.9
    assert exact == pytest.approx(found.macro_f1.p_value, abs=0.015)


def test_equally_good_models_are_called_different_about_as_often_as_the_p_value_says() -> None:
    p_values = [compare_all(*sample(120, 0.8, 0.8, seed=seed), swaps=199).macro_f1.p_value for seed in range(150)]
    assert 2 <= sum(value <= 0.1 for value in p_values) <= 28
    assert 0.35 < np.mean(p_values) < 0.65


def test_whole_documents_are_swapped() -> None:
    targets, first, second = sample(60, 0.75, 0.79)
    targets, first, second = (np.repeat(part, 10, axis=0) for part in (targets, first, second))
    alike = compare_all(targets, first, second, per_document=10, swaps=1999).exact_match.p_value
    apart = compare_all(targets, first, second, per_document=1, swaps=1999).exact_match.p_value
    assert apart < alike


def test_masked_decisions_are_left_out_and_a_label_that_does_not_occur_has_no_p_value() -> None:
    targets, first, second = sample(80, 0.8, 0.8)
    targets[:, 1], targets[:20, 0] = MASKED, MASKED
    worse = second.copy()
    worse[:20, 0] = ~worse[:20, 0]
    worse[:, 1] = ~worse[:, 1]
    one, other = compare_all(targets, first, second), compare_all(targets, first, worse)
    assert one.to_dict() == other.to_dict()
    assert math.isnan(one.labels["retaliation"].p_value)
    assert None is one.to_dict()["labels"]["retaliation"]["difference"]["value"]


def test_two_model_folders_are_tested_on_the_same_sentences(
    model_folder: Path, train_tiny: Callable[..., object], tmp_path: Path
) -> None:
    data = write_jsonl(tmp_path / "new.jsonl", make_rows(12, seed=9))
    train_tiny(tmp_path / "worse", "training.epochs=1")
    found = compare(model_folder, tmp_path / "worse", data=[data], device="cpu")
    for folder, score in ((model_folder, found.macro_f1.first), (tmp_path / "worse", found.macro_f1.second)):
        assert evaluate(folder, [data], device="cpu").model.macro_f1.value == pytest.approx(score)
    assert (str(model_folder), str(tmp_path / "worse"), 72, 12) == (
        found.first,
        found.second,
        found.sentences,
        found.documents,
    )
    json.dumps(found.to_dict(), allow_nan=False)


def test_models_of_other_labels_are_refused(model_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model_folder, tmp_path / "other"))
    for name in ("eventroles.json", "config.json"):
        text = (copy / name).read_text(encoding="utf-8")
        (copy / name).write_text(text.replace('"retaliation"', '"response"'), encoding="utf-8")
    manifest = json.loads((copy / "eventroles.json").read_text(encoding="utf-8"))
    from eventroles.inference.checks import file_sha256

    manifest["files"]["config.json"] = file_sha256(copy / "config.json")
    (copy / "eventroles.json").write_text(json.dumps(manifest), encoding="utf-8")
    data = write_jsonl(tmp_path / "new.jsonl", make_rows(2, seed=9))
    with pytest.raises(ConfigError, match=r"(?s)same label set.*attack, retaliation.*attack, response"):
        compare(model_folder, copy, data=[data], device="cpu")

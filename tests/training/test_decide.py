"""The fitted decision rule: calibrated, and at the threshold the objective asks for."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.inference.decision import DecisionRule
from eventroles.labels import ConfigError, LabelSet
from eventroles.training.data import MASKED
from eventroles.training.decide import fit_rule
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score


def label_set(count: int, *, exclusive: bool = False) -> LabelSet:
    labels = [{"name": f"label{n}", "title": "t", "definition": "d"} for n in range(count)]
    return LabelSet.from_dict({"name": "x", "version": 1, "exclusive": exclusive, "labels": labels}, source="test")


def overconfident(rows: int = 4000, *, share: float = 0.3, factor: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of a model that is too sure of itself by ``factor``, and what was true."""
    random = np.random.default_rng(1)
    true = random.normal(np.log(share / (1 - share)), 2.0, (rows, 1))
    targets = random.random((rows, 1)) < 1 / (1 + np.exp(-true))
    return (factor * true).astype(np.float32), targets.astype(np.float32)


def fit(logits: np.ndarray, targets: np.ndarray, objective: str = "f1", **options: object) -> DecisionRule:
    defaults = {"labels": label_set(logits.shape[1]), "documents": [str(row // 4) for row in range(len(logits))]}
    return fit_rule(logits, targets, **(defaults | {"objective": objective, "calibrate": True, "seed": 0} | options))


def test_the_temperature_undoes_overconfidence() -> None:
    logits, targets = overconfident()
    rule = fit(logits, targets)
    assert 3.0 == pytest.approx(rule.temperatures[0], rel=0.1)
    plain = DecisionRule.uncalibrated(1, exclusive=False).probabilities(logits)
    assert log_loss(targets, rule.probabilities(logits)) < log_loss(targets, plain)


@pytest.mark.parametrize("shift", [-1.5, 0.8])
def test_the_bias_undoes_what_a_label_is_taken_for_too_often_or_too_rarely(shift: float) -> None:
    logits, targets = overconfident(20000, factor=1.0)
    rule = fit(logits + np.float32(shift), targets)
    assert -shift == pytest.approx(rule.biases[0], abs=0.15)
    assert 1.0 == pytest.approx(rule.temperatures[0], rel=0.1)
    mean = rule.probabilities(logits + np.float32(shift)).mean()
    assert targets.mean() == pytest.approx(mean, abs=0.005)


def test_sentences_that_a_model_has_all_right_make_it_no_surer_than_so_few_allow() -> None:
    logits = np.array([[3.0], [-3.0]] * 10, dtype=np.float32)
    rule = fit(logits, (logits > 0).astype(np.float32))
    assert [[11 / 12], [1 / 12]] == pytest.approx(rule.probabilities(logits)[:2], abs=1e-3)


def test_calibration_can_be_switched_off() -> None:
    rule = fit(*overconfident(), calibrate=False)
    assert ((1.0,), ()) == (rule.temperatures, rule.biases)


def test_the_threshold_for_f1_is_half_the_best_f1_as_theory_has_it() -> None:
    # Lipton, Elkan and Naryanaswamy (2014): with calibrated scores the best threshold is half the best F1.
    logits, targets = overconfident(20000)
    rule = fit(logits, targets)
    best = f1_score(targets, rule.decide(rule.probabilities(logits)))
    assert best / 2 == pytest.approx(rule.thresholds[0], abs=0.06)
    for other in (0.1, 0.5, 0.9):
        assert best >= f1_score(targets, rule.probabilities(logits) >= other)


@pytest.mark.parametrize("least", [0.6, 0.8, 0.95])
def test_a_wanted_precision_is_reached_with_the_most_recall(least: float) -> None:
    logits, targets = overconfident()
    rule = fit(logits, targets, f"precision>={least}")
    given = rule.decide(rule.probabilities(logits))
    assert precision_score(targets, given) >= least
    lower = rule.probabilities(logits) >= rule.thresholds[0] - 0.05
    assert precision_score(targets, lower) < least + 0.02


@pytest.mark.parametrize("least", [0.6, 0.95, 1.0])
def test_a_wanted_recall_is_reached_with_the_most_precision(least: float) -> None:
    logits, targets = overconfident()
    rule = fit(logits, targets, f"recall>={least}")
    assert recall_score(targets, rule.decide(rule.probabilities(logits))) >= least - 1e-9


def test_an_objective_out_of_reach_says_how_near_it_came() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(400, 1)).astype(np.float32)
    targets = (random.random((400, 1)) < 0.3).astype(np.float32)
    logits[np.argmax(logits)] = 50.0
    targets[np.argmax(logits)] = 0.0
    with pytest.raises(ConfigError, match=r"label 'label0': no threshold reaches precision>=0.99.*ask for less"):
        fit(logits, targets, "precision>=0.99")


def test_unsure_rows_have_no_say() -> None:
    logits, targets = overconfident()
    noisy = np.concatenate([targets, 1 - targets])
    doubled = np.concatenate([logits, logits])
    noisy[len(targets) :] = MASKED
    documents = [str(row // 4) for row in range(len(targets))] * 2
    assert fit(logits, targets).temperatures == fit(doubled, noisy, documents=documents).temperatures


def test_a_label_without_an_example_keeps_its_threshold_at_a_half() -> None:
    logits, _ = overconfident()
    rule = fit(logits, np.zeros_like(logits))
    assert ((1.0,), (0.5,)) == (rule.temperatures, rule.thresholds)


def test_thresholds_stay_off_0_and_1() -> None:
    logits = np.array([[9.0], [8.0], [7.0], [-9.0]] * 5, dtype=np.float32)
    for targets in (np.ones((20, 1), np.float32), np.array([[0], [0], [0], [1]] * 5, dtype=np.float32)):
        assert 0.01 <= fit(logits, targets).thresholds[0] <= 0.99


def test_an_exclusive_set_gets_one_temperature_and_no_threshold() -> None:
    random = np.random.default_rng(2)
    true = random.normal(0, 1.5, (4000, 3))
    shares = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    targets = np.eye(3, dtype=np.float32)[[random.choice(3, p=row) for row in shares]]
    rule = fit((4 * true).astype(np.float32), targets, labels=label_set(3, exclusive=True))
    assert 4.0 == pytest.approx(rule.temperatures[0], rel=0.1)
    assert () == rule.thresholds


def test_the_same_seed_gives_the_same_rule() -> None:
    logits, targets = overconfident(500)
    assert fit(logits, targets) == fit(logits, targets)

"""Precision-recall curves are scikit-learn's, thin enough for a plot, with the point of the rule in use."""

from __future__ import annotations

import numpy as np
import pytest
from eventroles.inference.decision import DecisionRule
from eventroles.labels import LabelSet
from eventroles.training.curves import POINTS, precision_recall_curves
from eventroles.training.data import MASKED
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

ROLES = LabelSet.load("roles")
RULE = DecisionRule((1.0,) * 4, (0.3, 0.5, 0.6, 0.99), exclusive=False, objective="f1")


def sample(rows: int, digits: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    targets = (random.random((rows, 4)) < 0.3).astype(np.float32)
    return targets, np.round(np.clip(0.4 * targets + 0.6 * random.random((rows, 4)), 0, 1), digits).astype(np.float32)


def test_every_point_is_one_of_scikit_learn_and_none_is_left_out_of_a_short_curve() -> None:
    targets, probabilities = sample(300, 2)
    found = precision_recall_curves(targets, probabilities, rule=RULE, labels=ROLES)
    for column, name in enumerate(ROLES.names):
        precision, recall, thresholds = precision_recall_curve(targets[:, column], probabilities[:, column])
        points = found[name].points
        assert thresholds[::-1].tolist() == pytest.approx([point.threshold for point in points])
        assert precision[-2::-1].tolist() == pytest.approx([point.precision for point in points])
        assert recall[-2::-1].tolist() == pytest.approx([point.recall for point in points])


def test_a_long_curve_is_thinned_keeps_its_ends_and_its_shape() -> None:
    targets, probabilities = sample(5000, 7)
    (curve, *_) = precision_recall_curves(targets, probabilities, rule=RULE, labels=ROLES).values()
    precision, recall, _ = precision_recall_curve(targets[:, 0], probabilities[:, 0])
    assert 100 < len(curve.points) <= POINTS
    assert (probabilities[:, 0].max(), probabilities[:, 0].min()) == (
        curve.points[0].threshold,
        curve.points[-1].threshold,
    )
    assert (1.0, curve.base_rate) == (curve.points[-1].recall, curve.points[-1].precision)
    drawn = np.interp(recall[::-1], [p.recall for p in curve.points], [p.precision for p in curve.points])
    between = (recall[::-1] > 0.05) & (recall[::-1] < 1)  # at its right end the curve is upright
    assert 0.01 > np.abs(drawn - precision[::-1])[between].max()


def test_the_point_in_use_is_that_of_the_threshold_of_the_rule() -> None:
    targets, probabilities = sample(300, 2)
    found = precision_recall_curves(targets, probabilities, rule=RULE, labels=ROLES)
    for column, name in enumerate(ROLES.names):
        given, point = probabilities[:, column] >= np.float32(RULE.thresholds[column]), found[name].in_use
        assert point is not None
        assert RULE.thresholds[column] == point.threshold
        assert precision_score(targets[:, column], given, zero_division=0) == pytest.approx(point.precision)
        assert recall_score(targets[:, column], given) == pytest.approx(point.recall)


def test_masked_decisions_are_left_out_and_a_label_that_does_not_occur_has_no_curve() -> None:
    targets, probabilities = sample(300, 2)
    few = precision_recall_curves(targets[:200], probabilities[:200], rule=RULE, labels=ROLES)
    targets[200:, 0], targets[:, 1] = MASKED, 0
    found = precision_recall_curves(targets, probabilities, rule=RULE, labels=ROLES)
    assert few["attack"] == found["attack"]
    assert ((), None, 0) == (found["retaliation"].points, found["retaliation"].in_use, found["retaliation"].support)


def test_an_exclusive_set_has_a_point_in_use_without_a_threshold() -> None:
    labels = LabelSet.from_dict(
        {
            "name": "kinds",
            "version": 1,
            "exclusive": True,
            "labels": [{"name": name, "title": name, "definition": name} for name in ("a", "b", "c")],
        },
        source="test",
    )
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([1, 1, 1], 200).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[random.integers(0, 3, 200)]
    rule = DecisionRule((1.0,), (), exclusive=True, objective="f1")
    point = precision_recall_curves(targets, probabilities, rule=rule, labels=labels)["b"].in_use
    assert point is not None
    assert point.threshold is None
    assert recall_score(targets[:, 1], probabilities.argmax(axis=1) == 1) == pytest.approx(point.recall)

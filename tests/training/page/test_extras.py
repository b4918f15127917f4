"""The sections that not every report has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventroles.training import Evaluation
from eventroles.training.leakage import Example, Leak, Leakage
from eventroles.training.page import Findings
from eventroles.training.page.extras import view_extras


def view(evaluation: Evaluation, findings: Findings) -> dict[str, Any]:
    return view_extras({"evaluation": evaluation.to_dict(), **findings.to_dict()})


def test_what_is_missing_is_none(evaluation: Evaluation) -> None:
    found = view(evaluation, Findings())
    assert found.pop("review") is not None
    assert {None} == set(found.values())


def test_leaks_are_told_in_words_with_the_shares_of_each_split(evaluation: Evaluation) -> None:
    example = Example("/home/ann/a.jsonl:1", "Shells fell.", "/home/ann/b.jsonl:2", "Shells fell.")
    leak = Leak("exact", "train", "test", 1, 3, (example,))
    leakage = Leakage((leak,), (), (False, False), (True, False, False))
    found = view(evaluation, Findings(leakage=leakage))["leakage"]
    assert found["any"]
    assert {"validation": {"leaked": 0, "of": 2}, "test": {"leaked": 1, "of": 3}} == found["parts"]
    assert "the same sentence" == found["leaks"][0]["means"]
    assert 0 == found["repeats"]


def test_rules_have_pass_rates_and_pairs_of_actors_names(evaluation: Evaluation, robustness: Mapping[str, Any]) -> None:
    found = view(evaluation, Findings(robustness=robustness))["robustness"]
    assert 0.625 == found["rules"][0]["share"] == found["rules_passed"]
    assert ["Norland ↔ Sudland"] == [pair["names"] for pair in found["pairs"]]


def test_folds_have_a_row_for_each_label_and_one_for_all(
    evaluation: Evaluation, crossvalidation: Mapping[str, Any]
) -> None:
    found = view(evaluation, Findings(crossvalidation=crossvalidation))["crossvalidation"]
    assert [*evaluation.labels.names, ""] == [row["name"] for row in found["rows"]]
    assert (1, 1) == (found["all_label_errors"], len(found["label_errors"]))


def test_the_outlook_of_a_label_does_not_name_it_again(
    evaluation: Evaluation, learning_curve: Mapping[str, Any]
) -> None:
    found = view(evaluation, Findings(learning_curve=learning_curve))["learning_curve"]
    assert "(60 sentences have it): F1 0.8, more <labels> would help" == found["says"]["attack"]

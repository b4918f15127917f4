"""Results of other commands in a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from eventroles.labels import DataError
from eventroles.training import Evaluation
from eventroles.training.leakage import ApartScores
from eventroles.training.page import Findings, read_findings


def test_results_are_read_from_the_files_of_the_commands(
    tmp_path: Path, robustness: Mapping[str, Any], crossvalidation: Mapping[str, Any], learning_curve: Mapping[str, Any]
) -> None:
    results = {"crossvalidation": crossvalidation, "robustness": robustness, "learning_curve": learning_curve}
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for path, data in zip(paths, results.values(), strict=True):
        path.write_text(json.dumps(data), encoding="utf-8")
    assert Findings(**results) == read_findings(paths)
    assert Findings() == read_findings([])


def test_all_files_that_are_no_results_are_told_at_once(tmp_path: Path, robustness: Mapping[str, Any]) -> None:
    texts = {"list.json": "[]", "other.json": '{"f1": 1}', "broken.json": "{", "one.json": json.dumps(robustness)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_findings([tmp_path / name for name in (*texts, "one.json", "gone.json")])
    problems = str(caught.value).splitlines()
    assert 5 == len(problems)
    assert "list.json: no results that a report knows; expected those of" in problems[0]
    assert "other.json: no results that a report knows" in problems[1]
    assert "broken.json: cannot read the results: it is no JSON" in problems[2]
    assert "one.json: a second file of robustness; give one" in problems[3]
    assert "gone.json: cannot read the results: No such file" in problems[4]


def test_result_objects_and_their_plain_data_say_the_same(evaluation: Evaluation) -> None:
    apart = ApartScores(leaked=None, clean=evaluation.model)
    found = Findings(apart=apart).to_dict()
    assert found == Findings(apart={"leaked": None, "clean": evaluation.model.to_dict()}).to_dict()
    assert found["leakage"] is None

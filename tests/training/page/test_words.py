"""Numbers and names as a report writes them."""

from __future__ import annotations

import pytest
from eventroles.training.page import words
from hypothesis import given
from hypothesis import strategies as st


def test_numbers_carry_their_decimals_and_units() -> None:
    assert "0.865" == words.decimal(0.8649)
    assert "86.5\u202f%" == words.percent(0.8649)
    assert "12\u202f345" == words.count(12345)
    assert "2.5" == words.count(2.5)
    assert ("1 sentence", "2 misses") == (words.counted(1, "sentence"), words.counted(2, "miss", "misses"))


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_not_defined_is_a_dash(nothing: float | None) -> None:
    found = [words.decimal(nothing), words.percent(nothing), words.count(nothing)]
    assert ["–"] * 3 == found
    estimate = {"value": 0.5, "low": nothing, "high": nothing}
    assert "" == words.span(estimate)
    assert "50 of 100" == words.of_100(estimate)


def test_intervals_are_ranges() -> None:
    estimate = {"value": 0.891, "low": 0.833, "high": 0.944}
    assert "0.83–0.94" == words.span(estimate)
    assert "83.3–94.4\u202f%" == words.percent_span(estimate)
    assert "89 of 100 (83 to 94)" == words.of_100(estimate)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /home/ann/data/x.jsonl: it is gone", "cannot read x.jsonl: it is gone"),
        ("train: ~/news/a.jsonl", "train: a.jsonl"),
        ("look at https://example.org/a/b", "look at https://example.org/a/b"),
        ("labels/codebook.jsonl and TF/IDF", "labels/codebook.jsonl and TF/IDF"),
        (r"C:\Users\ann\x.jsonl is gone", "x.jsonl is gone"),
        ("", ""),
    ],
)
def test_folders_of_a_machine_are_cut_from_texts(text: str, expected: str) -> None:
    assert expected == words.without_folders(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/home/ann/my runs/seeds", "seeds"),
        ("../runs/seeds/", "seeds"),
        ("~/seeds", "seeds"),
        (r"C:\runs\seeds", "seeds"),
        ("runs/seeds", "runs/seeds"),
        ("my-team/roles", "my-team/roles"),
        ("s3://bucket/models/roles", "s3://bucket/models/roles"),
        ("package:corpus", "package:corpus"),
    ],
)
def test_names_of_models_and_files_lose_the_folders_of_a_machine_only(name: str, expected: str) -> None:
    assert expected == words.shown_name(name)


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    written = words.printable(text + "\ud800\x00")
    assert written.encode("utf-8").decode("utf-8").endswith("\ufffd\ufffd")

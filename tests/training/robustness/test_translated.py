"""Translated style: what the rules write, and where they must keep off."""

from __future__ import annotations

import pytest
from eventroles.training.robustness.translated import translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Russian jets bombed the town.", "By Russian jets was carried out bombing of town."),
        ("In Homs, a shell fell.", "On territory of Homs, shell fell."),
        ("According to the ministry, gunmen fled.", "As is informed by ministry, armed persons fled."),
        ("Two men were killed, the police said.", "Two men are killed, police states."),
        ("Mali's army told reporters so.", "Army of Mali states to journalists so."),
    ],
)
def test_a_sentence_reads_as_if_translated(text: str, expected: str) -> None:
    assert expected == translate(text)


@pytest.mark.parametrize(
    "text",
    [
        "Towns were shelled two nights ago.",  # passive: nobody in the sentence does it
        "Rain fell in March.",
        "He is said to have fled.",
        "Nobody had said so.",
    ],
)
def test_the_rules_keep_off_what_they_would_change_the_meaning_of(text: str) -> None:
    assert text == translate(text)

"""Tests of letting engines take turns."""

from __future__ import annotations

from speeds import Contestant, race


def test_contestants_take_turns_and_keep_the_rate_of_every_round() -> None:
    turns: list[str] = []

    def contestant(name: str, count: int) -> Contestant:
        def run() -> int:
            turns.append(name)
            return count

        return Contestant(name, run)

    notes: list[str] = []
    found = race([contestant("a", 10), contestant("b", 20)], 3, note=notes.append)
    assert ["a", "b"] * 3 == turns
    assert {"a": (10, 3), "b": (20, 3)} == {name: (speed.sentences, len(speed.rates)) for name, speed in found.items()}
    assert "round 3 of 3: b" == notes[-1]

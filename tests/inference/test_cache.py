"""Sentences scored once, and never with a score that depends on what came before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from eventroles.inference.cache import ScoreCache
from eventroles.inference.encoding import Encoded
from hypothesis import given
from hypothesis import strategies as st


class Recorder:
    """An engine that notes what it is given; its logits depend on the company of a sentence if it is not invariant."""

    backend, device = "onnx", "cpu"

    def __init__(self, *, invariant: bool = True, precision: str = "fp32") -> None:
        self.invariant = invariant
        self.precision = precision
        self.calls: list[list[int]] = []

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        self.calls.append([sentence.ids[0] for sentence in sentences])
        company = 0 if self.invariant else len(sentences)
        rows = [[sentence.ids[0], sum(sentence.type_ids), company] for sentence in sentences]
        return np.array(rows, dtype=np.float32)


class Failing(Recorder):
    """Runs in int8 until its second call, then in fp32 with other logits, as a chain of engines does."""

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        if len(self.calls) == 1:
            self.precision = "fp32"
        logits = super().logits(sentences)
        return logits + 100 if self.precision == "fp32" else logits


def sentences(*numbers: int) -> list[Encoded]:
    return [Encoded([number, 7], [0, 0], truncated=False) for number in numbers]


def test_equal_sentences_of_one_call_are_scored_once_and_all_get_the_logits() -> None:
    engine = Recorder()
    scored = ScoreCache(engine).score(sentences(3, 1, 3, 3))
    assert [[3, 1]] == engine.calls
    assert [3, 1, 3, 3] == scored.logits[:, 0].tolist()
    assert [False, False, True, True] == scored.repeated.tolist()


def test_sentences_of_earlier_calls_are_not_scored_again() -> None:
    engine = Recorder()
    cache = ScoreCache(engine)
    cache.score(sentences(1, 2))
    scored = cache.score(sentences(2, 3, 1))
    assert [[1, 2], [3]] == engine.calls
    assert [2, 3, 1] == scored.logits[:, 0].tolist()
    assert [True, False, True] == scored.repeated.tolist()


def test_a_call_with_nothing_new_does_not_trouble_the_engine() -> None:
    engine = Recorder()
    cache = ScoreCache(engine)
    cache.score(sentences(1, 2))
    assert [True, True] == cache.score(sentences(2, 1)).repeated.tolist()
    assert 1 == len(engine.calls)


def test_an_engine_whose_logits_depend_on_company_scores_every_call_as_if_it_were_the_first() -> None:
    engine = Recorder(invariant=False)
    cache = ScoreCache(engine)
    cache.score(sentences(1, 2, 3))
    late = cache.score(sentences(1, 1, 4))
    assert [[1, 2, 3], [1, 4]] == engine.calls
    alone = ScoreCache(Recorder(invariant=False)).score(sentences(1, 1, 4))
    assert alone.logits.tolist() == late.logits.tolist()


def test_a_sentence_with_the_same_tokens_and_other_segments_is_another_sentence() -> None:
    engine = Recorder()
    alone, with_context = Encoded([1, 2, 3], [0, 0, 0], False), Encoded([1, 2, 3], [0, 0, 1], False)
    assert [0, 1] == ScoreCache(engine).score([alone, with_context]).logits[:, 1].tolist()


def test_what_was_not_met_for_longest_is_forgotten_first() -> None:
    engine = Recorder()
    cache = ScoreCache(engine, capacity=3)
    for numbers in ([1, 2, 3], [1], [4], [2], [1]):
        cache.score(sentences(*numbers))
    assert [[1, 2, 3], [4], [2]] == engine.calls


def test_a_call_larger_than_the_capacity_is_scored_whole() -> None:
    assert [1, 2, 3, 1] == ScoreCache(Recorder(), capacity=2).score(sentences(1, 2, 3, 1)).logits[:, 0].tolist()


def test_without_capacity_nothing_is_kept_for_the_next_call() -> None:
    engine = Recorder()
    cache = ScoreCache(engine, capacity=0)
    assert [False, True] == cache.score(sentences(1, 1)).repeated.tolist()
    assert [False] == cache.score(sentences(1)).repeated.tolist()
    assert [[1], [1]] == engine.calls


@pytest.mark.parametrize("second", [(1, 2), (2, 3)])
def test_all_logits_of_a_call_come_from_the_engine_that_took_over_in_it(second: tuple[int, int]) -> None:
    engine = Failing(precision="int8")
    cache = ScoreCache(engine)
    assert "int8" == cache.score(sentences(1)).precision
    scored = cache.score(sentences(*second))
    assert ("fp32", [100.0 + number for number in second]) == (scored.precision, scored.logits[:, 0].tolist())


def test_what_another_engine_scored_is_forgotten() -> None:
    engine = Recorder(precision="int8")
    cache = ScoreCache(engine)
    cache.score(sentences(1))
    engine.precision = "fp32"
    cache.score(sentences(1))
    assert [[1], [1]] == engine.calls


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=8), st.integers(0, 6))
def test_the_cache_changes_no_score_whatever_the_stream(stream: list[list[int]], capacity: int) -> None:
    cache = ScoreCache(Recorder(), capacity=capacity)
    for numbers in stream:
        assert Recorder().logits(sentences(*numbers)).tolist() == cache.score(sentences(*numbers)).logits.tolist()

"""Batches: every sentence once, under the budget, the same plan for the same lengths."""

from __future__ import annotations

from eventroles.inference.batching import plan_batches
from hypothesis import given
from hypothesis import strategies as st

LENGTHS = st.lists(st.integers(1, 300), max_size=200)


@given(LENGTHS, st.integers(1, 2000))
def test_every_sentence_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, token_budget=budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 2000))
def test_a_padded_batch_stays_under_the_budget_unless_one_sentence_alone_exceeds_it(
    lengths: list[int], budget: int
) -> None:
    for batch in plan_batches(lengths, token_budget=budget):
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


@given(LENGTHS, st.integers(1, 2000))
def test_equal_lengths_make_batches_of_one_length_that_need_no_padding(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, token_budget=budget, equal_lengths=True)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len({lengths[index] for index in batch}) == 1
        assert len(batch) == 1 or sum(lengths[index] for index in batch) <= budget


@given(st.lists(st.integers(1, 9), max_size=200), st.integers(1, 100))
def test_equal_lengths_fill_every_batch_before_they_open_the_next(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, token_budget=budget, equal_lengths=True)
    for width in set(lengths):
        fitting = max(1, budget // width)
        assert -(-lengths.count(width) // fitting) == sum(lengths[batch[0]] == width for batch in batches)


def test_sentences_of_different_lengths_stay_apart_where_lengths_must_be_equal() -> None:
    assert plan_batches([5, 6, 5, 5], token_budget=10, equal_lengths=True) == [[1], [0, 2], [3]]


def test_sentences_of_similar_length_share_a_batch() -> None:
    assert plan_batches([5, 50, 6, 49], token_budget=100) == [[1, 3], [2, 0]]


def test_no_sentence_makes_no_batch() -> None:
    assert plan_batches([], token_budget=100) == []

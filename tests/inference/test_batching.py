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


def test_sentences_of_similar_length_share_a_batch() -> None:
    assert plan_batches([5, 50, 6, 49], token_budget=100) == [[1, 3], [2, 0]]


def test_no_sentence_makes_no_batch() -> None:
    assert plan_batches([], token_budget=100) == []

"""Cutting sentences into batches of similar length under a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], *, token_budget: int, equal_lengths: bool = False) -> list[list[int]]:
    """Cut sentences into batches, longest first, so that padding is small and memory is bounded.

    Args:
        lengths: tokens of each sentence.
        token_budget: most tokens of a batch, padding included; a longer sentence gets a batch of its own.
        equal_lengths: never put sentences of different lengths together, so that nothing is padded.

    Returns:
        Indices of the sentences in each batch; every index once. The plan depends on the lengths alone.
    """
    batches: list[list[int]] = []
    width = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        full = not batches or (len(batches[-1]) + 1) * width > token_budget
        if full or (equal_lengths and lengths[index] != width):
            batches.append([])
            width = lengths[index]
        batches[-1].append(index)
    return batches

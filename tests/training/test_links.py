"""Linked texts: what is joined, what is not, and that the order of the texts does not matter."""

from __future__ import annotations

import random
import sys

import pytest
from eventroles.labels import EventRolesError
from eventroles.training.links import Joined, link
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = [f"{first}{second}" for first in ("bar", "den", "fol", "gim", "kor", "lun") for second in ("a", "e", "i", "os")]


def jaccard(one: str, other: str) -> float:
    ours, theirs = (set(zip(text.split(), text.split()[1:], strict=False)) for text in (one, other))
    return len(ours & theirs) / len(ours | theirs)


def test_joined_things_are_a_group_through_any_number_of_steps() -> None:
    joined = Joined(6)
    for one, other in ((4, 5), (1, 2), (5, 2)):
        joined.join(one, other)
    assert [0, 1, 1, 3, 1, 1] == joined.groups()


def test_a_text_is_joined_with_what_is_similar_enough_and_with_what_that_joins() -> None:
    words = WORDS[:20]
    chain = [" ".join(words), " ".join([*words, "one"]), " ".join([*words[6:], "one", "two", "three"])]
    assert jaccard(chain[0], chain[2]) < 0.6 < min(jaccard(chain[0], chain[1]), jaccard(chain[1], chain[2]))
    first, second, third, other = link([*chain, "nothing of the sort"], threshold=0.6, shingle=2)
    assert first == second == third != other
    first, third = link([chain[0], chain[2]], threshold=0.6, shingle=2)
    assert first != third


def test_texts_shorter_than_a_shingle_are_joined_when_they_are_equal() -> None:
    one, same, other = link(["Credits", "CREDITS", "Credit"], threshold=0.6, shingle=2)
    assert one == same != other


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=8, max_size=14).map(" ".join), min_size=2, max_size=12),
    st.integers(0, 99),
)
def test_any_two_texts_as_similar_as_the_threshold_are_joined_in_any_order(texts: list[str], seed: int) -> None:
    texts += [f"{text} again" for text in texts[:3]]
    groups = link(texts, threshold=0.6, shingle=2)
    apart = [
        (one, other)
        for at, one in enumerate(texts)
        for to, other in enumerate(texts[:at])
        if jaccard(one, other) >= 0.7 and groups[at] != groups[to]
    ]
    assert [] == apart
    order = random.Random(seed).sample(range(len(texts)), len(texts))
    assert [groups[at] for at in order] == link([texts[at] for at in order], threshold=0.6, shingle=2)


def test_thousands_of_copies_of_a_template_are_one_group_and_take_no_time() -> None:
    words = " ".join(WORDS)
    texts = [f"{words} {number}" for number in range(3000)]
    assert 1 == len(set(link(texts, threshold=0.6, shingle=2)))


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(EventRolesError, match=r"rensa is not installed. Run: pip install 'eventroles\[train\]'"):
        link(["a b", "b c"], threshold=0.6, shingle=2)

"""The copies that near-duplicates are measured on, and how groups are scored."""

from __future__ import annotations

from duplicates import Change, change_articles, change_quotes, change_sentences, count_joined, score_pairs
from eventroles.inference.dataset.duplicates import Clusters

ARTICLES = [
    tuple(f"Paragraph {number} of article {article} ends here." for number in range(11)) for article in range(20)
]


class _FirstLetters(Clusters):
    """Groups texts by their first letter."""

    def __init__(self) -> None:
        pass

    def add(self, text: str) -> str:
        return text[0]


def test_the_same_seed_makes_the_same_copies() -> None:
    assert change_articles(ARTICLES, seed=1) == change_articles(ARTICLES, seed=1)
    assert change_articles(ARTICLES, seed=1) != change_articles(ARTICLES, seed=2)


def test_copies_keep_what_their_change_leaves_alone() -> None:
    changes = {change.name: change for change in change_articles(ARTICLES, seed=1)}
    for original, copy in changes["another headline"].pairs:
        assert original.split("\n\n")[1:] == copy.split("\n\n")[1:]
    for original, copy in changes["a fifth of the paragraphs cut"].pairs:
        kept = copy.split("\n\n")
        assert (9, kept) == (len(kept), [text for text in original.split("\n\n") if text in kept])
    for original, copy in changes["half of it news, half as before"].pairs:
        assert original.split("\n\n")[-5:] == copy.split("\n\n")[-5:]
        assert 11 == len(copy.split("\n\n"))


def test_a_sentence_is_changed_only_where_there_is_something_to_change() -> None:
    changes = {
        change.name: change for change in change_sentences(["He was shot.", "Shells killed 3, he said."], seed=1)
    }
    assert (("Shells killed 3, he said.", "Shells killed 30, he said."),) == changes["a number changed"].pairs
    assert (("He was shot.", "He was not shot."),) == changes["negated"].pairs
    assert [False, False] == [changes[name].same for name in ("a number changed", "negated")]


def test_straight_quotation_marks_become_curly_ones() -> None:
    assert "“It's ours,” he said (“ours”)".replace("'", "’") == change_quotes('"It\'s ours," he said ("ours")')


def test_groups_are_scored_by_their_pairs() -> None:
    changes = [Change("same", True, (("a1", "a2"), ("b1", "c2"))), Change("other", False, (("b1", "b3"),))]
    score = score_pairs(_FirstLetters(), changes, seed=0)
    # Together are a1 and a2, b1 and b3; b1 and c2 should be.
    assert (0.5, 0.5) == (score.precision, score.recall)
    assert 1 == count_joined(_FirstLetters(), changes[0].pairs)

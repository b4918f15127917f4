"""Tests of the sentences that the benchmark measures on."""

from __future__ import annotations

import random
import statistics
from pathlib import Path

from eventroles.inference import split_sentences
from news import choose, multiply, write_articles

LENGTHS = random.Random(3).choices(range(5, 50), k=2000)


def test_a_draw_has_the_mean_asked_for_and_no_sentence_twice() -> None:
    for mean in (24.0, 31.0):
        drawn = choose(LENGTHS, 800, mean=mean, seed=1)
        assert 800 == len(set(drawn))
        assert mean == round(statistics.mean(LENGTHS[index] for index in drawn), 1)


def test_a_draw_takes_short_and_long_sentences_alike() -> None:
    drawn = [LENGTHS[index] for index in choose(LENGTHS, 800, mean=29.0, seed=1)]
    assert (5, 49) == (min(drawn), max(drawn))


def test_the_same_seed_draws_the_same_sentences_in_the_same_order() -> None:
    first = choose(LENGTHS, 500, mean=27.0, seed=1)
    assert first == choose(LENGTHS, 500, mean=27.0, seed=1)
    assert first != choose(LENGTHS, 500, mean=27.0, seed=2)


def test_a_mean_out_of_reach_gives_the_longest_sentences() -> None:
    drawn = choose(LENGTHS, 10, mean=1000.0, seed=1)
    assert sorted(LENGTHS)[-10:] == sorted(LENGTHS[index] for index in drawn)


def test_more_sentences_than_there_are_differ_in_a_number_only() -> None:
    texts = multiply(["Rebels shelled the port.", "Two dockers died."], 6)
    assert 6 == len(set(texts))
    assert ["Rebels shelled 2 port.", "Two 3 died."] == texts[2:4]


def test_articles_hold_the_sentences_and_nothing_else(tmp_path: Path) -> None:
    sentences = [f"Rebels shelled port number {number} before dawn." for number in range(25)]
    articles = write_articles(tmp_path, sentences)
    files = [path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("*.txt"))]
    assert articles == files
    assert [4, 4, 2] == [article.count("\n\n") for article in articles]
    assert sentences == [sentence.text for article in files for sentence in split_sentences(article)]

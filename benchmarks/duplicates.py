"""How well near-duplicate stories and sentences are found, how fast, and in how much memory.

Run it with ``python benchmarks/duplicates.py``. It changes the seed corpus as papers change agency copy, and sentences
so that they report something else, and looks which come into the group of their original. Speed and memory are those
of random words of the corpus, where every text leads a group of its own: the costliest case.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from eventroles import LabelSet
from eventroles.inference.dataset.duplicates import Clusters, sentences, stories
from eventroles.labels import read_records
from eventroles.labels.errors import EventRolesError
from machine import describe_machine

Article = tuple[str, ...]  # the headline, then paragraphs
_PARAGRAPH = 2  # sentences
_WORDS = {"stories": 400, "sentences": 25}  # of the texts that speed and memory are measured on
_VOCABULARY = 5000  # words they are drawn from; many more would leave memory behind that hides what leaders take
_MAKE: Mapping[str, Callable[[], Clusters]] = {"stories": stories, "sentences": sentences}
_STATM = Path("/proc/self/statm")
_PLACES = ("BELGRADE", "HANOI", "LIMA", "NAIROBI", "OSLO")


@dataclass(frozen=True)
class Change:
    """One thing that was done to texts.

    Attributes:
        name: what was done.
        same: whether the copy still belongs to the group of its original.
        pairs: originals and copies.
    """

    name: str
    same: bool
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Score:
    """Of all pairs of texts in one group those that belong together, and of all that belong together those in one."""

    precision: float
    recall: float


@dataclass(frozen=True)
class Cost:
    """What texts that all lead groups cost: texts per second on one core, and bytes of memory for each."""

    speed: float
    memory: float


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the changes and of the order of the texts")
    parser.add_argument("--texts", type=int, default=50_000, help="how many speed and memory are measured on")
    arguments = parser.parse_args()
    machine = describe_machine()
    documents = read_corpus()
    texts = [text for document in documents for text in document]
    changes = {
        "stories": change_articles(list(map(make_article, documents)), seed=arguments.seed),
        "sentences": change_sentences(texts, seed=arguments.seed),
    }
    try:
        print("| changed | copies | should join | joined |\n| --- | ---: | --- | ---: |")
        for kind, kind_changes in changes.items():
            for change in kind_changes:
                joined = count_joined(_MAKE[kind](), change.pairs) / len(change.pairs)
                wanted = "yes" if change.same else "no"
                print(f"| {kind}: {change.name} | {len(change.pairs):,} | {wanted} | {joined:.1%} |")
        print("\n| | precision | recall | texts/s | bytes per leader |\n| --- | ---: | ---: | ---: | ---: |")
        words = " ".join(texts).split()[:_VOCABULARY]
        for kind, kind_changes in changes.items():
            score = score_pairs(_MAKE[kind](), kind_changes, seed=arguments.seed)
            cost = measure_cost(kind, words, arguments.texts)
            figures = f"{score.precision:.1%} | {score.recall:.1%} | {cost.speed:,.0f} | {cost.memory:,.0f}"
            print(f"| {kind} | {figures} |")
    except EventRolesError as error:
        sys.exit(str(error))
    print(f"\n{machine.processor}, load {machine.load:.1f}, Python {machine.versions['Python']}, {machine.date}")


def read_corpus() -> list[list[str]]:
    """Return the documents of the seed corpus as lists of sentences."""
    folder = Path(str(resources.files("eventroles.seeds.corpus")))
    labels = LabelSet.load("roles")
    documents: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for record in read_records(path, labels):
            documents.setdefault(record.document, []).append(record.text)
    return list(documents.values())


def make_article(texts: Sequence[str]) -> Article:
    """Return sentences as a headline and paragraphs of two."""
    return (texts[0], *(" ".join(texts[at : at + _PARAGRAPH]) for at in range(1, len(texts), _PARAGRAPH)))


def change_articles(articles: Sequence[Article], *, seed: int) -> list[Change]:
    """Make syndicated copies, with each change alone and all at once, and follow-ups that repeat half of a text."""
    rng = random.Random(seed)
    headlines = [article[0] for article in articles]

    def head(article: Article) -> Article:
        return (rng.choice(headlines), *article[1:])

    def dateline(article: Article) -> Article:
        return (article[0], f"{rng.choice(_PLACES)}, May {rng.randint(1, 31)} (Agency) - {article[1]}", *article[2:])

    def cut(article: Article) -> Article:
        kept = sorted(rng.sample(range(1, len(article)), round((len(article) - 1) * 0.8)))
        return (article[0], *(article[at] for at in kept))

    def quote(article: Article) -> Article:
        return tuple(map(change_quotes, article))

    def everything(article: Article) -> Article:
        return quote(head(dateline(cut(article))))

    def follow(article: Article) -> Article:
        other, half = rng.choice(articles), len(article) // 2
        return (*other[: len(other) - half], *article[-half:])

    ways: dict[str, tuple[bool, Callable[[Article], Article]]] = {
        "another headline": (True, head),
        "another dateline": (True, dateline),
        "other quotation marks": (True, quote),
        "a fifth of the paragraphs cut": (True, cut),
        "all of it": (True, everything),
        "half of it news, half as before": (False, follow),
    }
    return [
        Change(name, same, tuple(("\n\n".join(article), "\n\n".join(way(article))) for article in articles))
        for name, (same, way) in ways.items()
    ]


def change_sentences(texts: Sequence[str], *, seed: int) -> list[Change]:
    """Make copies of sentences: some say the same in another style, some report something else."""
    rng = random.Random(seed)
    ways: dict[str, tuple[bool, Callable[[str], str]]] = {
        "other quotation marks": (True, change_quotes),
        "in capitals": (True, str.upper),
        "without commas": (True, lambda text: re.sub(r",(?= )", "", text)),
        "attributed at the end": (True, lambda text: f"{text.rstrip('.')}, officials said."),
        "a number changed": (False, lambda text: re.sub(r"\d+", lambda found: found[0] + "0", text, count=1)),
        "negated": (False, lambda text: re.sub(r"\b(was|were|had|is|are|will)\b", r"\1 not", text, count=1)),
        "another name": (
            False,
            lambda text: re.sub(r"(?<=\w )[A-Z][a-z]+", rng.choice(_PLACES).title(), text, count=1),
        ),
    }
    texts = list(dict.fromkeys(texts))
    return [
        Change(name, same, tuple((text, changed) for text in texts if (changed := way(text)) != text))
        for name, (same, way) in ways.items()
    ]


def change_quotes(text: str) -> str:
    """Return a text with the other style of quotation marks and apostrophes: curly for straight ones."""
    text = re.sub(r'(^|[\s(])"', r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(])'", r"\1‘", text).replace("'", "’")


def count_joined(clusters: Clusters, pairs: Iterable[tuple[str, str]]) -> int:
    """Return how many copies come into the group of their original, all originals being there first."""
    pairs = list(pairs)
    originals = [clusters.add(original) for original, _ in pairs]
    return sum(clusters.add(copy) == original for original, (_, copy) in zip(originals, pairs, strict=True))


def score_pairs(clusters: Clusters, changes: Sequence[Change], *, seed: int) -> Score:
    """Score all pairs among originals and copies, in random order: a copy can lead the group of its original.

    A copy that should not join belongs to no other text.
    """
    story_of: dict[str, str] = {}
    for change in changes:
        for original, copy in change.pairs:
            story_of[original] = original
            story_of.setdefault(copy, original if change.same else copy)
    texts = sorted(story_of)
    random.Random(seed).shuffle(texts)
    found = {text: clusters.add(text) for text in texts}
    together = count_pairs(Counter(found.values()))
    related = count_pairs(Counter(story_of.values()))
    right = count_pairs(Counter((found[text], story_of[text]) for text in texts))
    return Score(precision=right / together if together else 1.0, recall=right / related if related else 1.0)


def count_pairs(sizes: Mapping[object, int]) -> int:
    """Return how many pairs of texts are in one group, given how many texts each group has."""
    return sum(size * (size - 1) // 2 for size in sizes.values())


def measure_cost(kind: str, words: Sequence[str], texts: int) -> Cost:
    """Measure texts of random words, in a process of its own so that no freed memory is used again."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure_cost, (kind, words, texts))


def _measure_cost(kind: str, words: Sequence[str], texts: int) -> Cost:
    rng = random.Random(0)
    clusters = _MAKE[kind]()
    clusters.add(" ".join(words[: _WORDS[kind]]))
    before, seconds = _memory(), 0.0
    for _ in range(texts):
        text = " ".join(rng.choices(words, k=_WORDS[kind]))
        start = time.perf_counter()
        clusters.add(text)
        seconds += time.perf_counter() - start
    return Cost(speed=texts / seconds, memory=(_memory() - before) / texts)


def _memory() -> int:
    """Return the bytes of memory that this process has, or the most it ever had where the system does not say."""
    if _STATM.is_file():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()

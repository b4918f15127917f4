"""What binds labelled sentences together: the same text, nearly the same text, the same document, the same story."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from ..inference.dataset.duplicates import normalise, split_words
from ..labels.records import Record
from .links import Joined, link

LEAST_WORDS = 8
"""Words from which on a sentence that stands twice is a leak.

Shorter ones recur in any archive without one text being taken from the other: headings ("World in brief"), credits,
datelines ("This story is from March 6, 2002" has seven words), stock phrases ("No group claimed responsibility"). From
eight words on, what recurs between the documents of the public sets that we looked at is nearly always a sentence
taken over.
"""
# One word changed in nine, or two in eighteen. Of the pairs this finds in public sets nearly all are one sentence
# edited twice; at 0.5 the first come that only share a formula.
_SENTENCES = 0.6
_SENTENCE_SHINGLE = 2
_DOCUMENTS = 0.5  # as `stories` of inference/dataset/duplicates.py
_DOCUMENT_SHINGLE = 5
_LEAST_SHARED = 2  # sentences that two documents of one story have in common, if not most of their words,
_SHARED_PART = 3  # and at least one in three sentences of the shorter one
_MOST_DOCUMENTS = 50  # that a sentence stands in: one in more is a stock text, which tells nothing of stories
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True)
class Ties:
    """What binds records together; in each list of ``[n_records]`` numbers, equal ones mean bound.

    Attributes:
        short: whether the sentence has fewer than `LEAST_WORDS` words, and binds nothing.
        text: the same text, but for case, white space, and punctuation at the ends.
        near: nearly the same text, or the same, directly or through others; None for short sentences.
        document: the same document.
        story: documents that are nearly the same or share a good part of their sentences, directly or through others.
        cluster: anything of this, directly or through others.
    """

    short: list[bool]
    text: list[int]
    near: list[int | None]
    document: list[int]
    story: list[int]
    cluster: list[int]


def find_ties(records: Sequence[Record]) -> Ties:
    """Find what binds records together. 20,000 sentences take a few seconds.

    The order of the records does not matter, and neither does what split they are in.

    Raises:
        EventRolesError: rensa is not installed.
    """
    texts = [_EDGES.sub("", normalise(record.text)) for record in records]
    short = [len(split_words(text)) < LEAST_WORDS for text in texts]
    long = [text for text, is_short in zip(texts, short, strict=True) if not is_short]
    linked = iter(link(long, threshold=_SENTENCES, shingle=_SENTENCE_SHINGLE))
    near = [None if is_short else next(linked) for is_short in short]
    document = _number([record.document for record in records])
    story = _find_stories(records, document, near)
    clusters = Joined(len(story))
    for number, other in enumerate(story):
        clusters.join(number, other)
    first: dict[int, int] = {}  # document of each group of nearly equal sentences
    for group, number in zip(near, document, strict=True):
        if group is not None:
            clusters.join(number, first.setdefault(group, number))
    return Ties(
        short=short,
        text=_number(texts),
        near=near,
        document=document,
        story=[story[number] for number in document],
        cluster=[clusters.find(number) for number in document],
    )


def _find_stories(records: Sequence[Record], document: Sequence[int], near: Sequence[int | None]) -> list[int]:
    """Return ``[n_documents]``: the story of each document, which is the number of one of its documents."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(document):
        rows[number].append(row)
    stories = Joined(len(rows))
    # A document of one row is compared as a sentence.
    whole = [number for number, some in rows.items() if len(some) > 1]
    texts = ["\n".join(records[row].text for row in _in_order(rows[number], records)) for number in whole]
    first: dict[int, int] = {}
    for number, same in zip(whole, link(texts, threshold=_DOCUMENTS, shingle=_DOCUMENT_SHINGLE), strict=True):
        stories.join(number, first.setdefault(same, number))

    homes: defaultdict[int, set[int]] = defaultdict(set)  # documents of each group of sentences
    for group, number in zip(near, document, strict=True):
        if group is not None:
            homes[group].add(number)
    lengths = Counter(number for some in homes.values() for number in some)
    shared = Counter(
        pair for some in homes.values() if len(some) <= _MOST_DOCUMENTS for pair in combinations(sorted(some), 2)
    )
    for pair, count in shared.items():
        if count >= max(_LEAST_SHARED, min(lengths[number] for number in pair) / _SHARED_PART):
            stories.join(*pair)
    return stories.groups()


def _in_order(rows: Sequence[int], records: Sequence[Record]) -> list[int]:
    # By text where the index says nothing: the same rows give the same document in any order.
    return sorted(rows, key=lambda row: (records[row].index, records[row].text))


def _number(names: Sequence[str]) -> list[int]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]

"""What tagging returns: a sentence with its roles and scores, and a document with its tagged sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .boilerplate import Boilerplate
from .documents import Document


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """One sentence and what the model says of it.

    Attributes:
        index: place of the sentence in its document, from 0.
        start: offset of the first character in the document's text.
        end: offset behind the last character.
        text: the sentence; ``document.text[start:end]``.
        roles: names of the labels the decision rule gives, in label-set order; may be empty.
        scores: calibrated probability of every label, by name; empty for boilerplate that was left out of scoring.
        truncated: whether the sentence was longer than the model's window, so that its end was not read.
        boilerplate: the dateline, byline or the like that it begins with or consists of.
        review: whether a score lies in the review band of its label, so that a person should look at the sentence.
    """

    index: int
    start: int
    end: int
    text: str
    roles: tuple[str, ...]
    scores: Mapping[str, float]
    truncated: bool = False
    boilerplate: Boilerplate | None = None
    review: bool = False


@dataclass(frozen=True, slots=True)
class TaggedDocument:
    """A document and its sentences in order, tagged.

    Attributes:
        document: the document.
        sentences: its sentences.
        repeated: how many of them have the scores of an equal sentence met before, and were not scored again.
    """

    document: Document
    sentences: tuple[TaggedSentence, ...]
    repeated: int = field(default=0, compare=False)

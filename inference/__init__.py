"""From text to tags: documents, sentences, the model folder, engines, folder runs, Hub loading.

Names are imported when they are first used: the processes that read files need none of the model's libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bundle import Bundle, load_bundle
    from .documents import Document, Limits, TableColumns
    from .manifest import Manifest
    from .options import RunOptions
    from .outcome import RunSummary
    from .results import TaggedDocument, TaggedSentence
    from .sentences import Sentence, split_sentences
    from .tagger import Tagger

_HOMES = {
    "Bundle": "bundle",
    "Document": "documents",
    "Limits": "documents",
    "Manifest": "manifest",
    "RunOptions": "options",
    "RunSummary": "outcome",
    "Sentence": "sentences",
    "TableColumns": "documents",
    "TaggedDocument": "results",
    "TaggedSentence": "results",
    "Tagger": "tagger",
    "load_bundle": "bundle",
    "split_sentences": "sentences",
}

__all__ = [
    "Bundle",
    "Document",
    "Limits",
    "Manifest",
    "RunOptions",
    "RunSummary",
    "Sentence",
    "TableColumns",
    "TaggedDocument",
    "TaggedSentence",
    "Tagger",
    "load_bundle",
    "split_sentences",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

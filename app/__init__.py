"""Tag every sentence of conflict news with the roles it plays in the story.

    from eventroles import Tagger
    tagger = Tagger.from_pretrained("runs/seeds")
    tagger.tag("Rebels shelled the port. Two dockers were killed, the ministry said.")

Names are imported when they are first used, so that `import eventroles` is quick and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .configs import Config, load_config
    from .inference import Document, RunOptions, RunSummary, TaggedDocument, TaggedSentence, Tagger, split_sentences
    from .labels import EventRolesError, LabelSet
    from .training import evaluate, train

_HOMES = {
    "Config": "configs",
    "Document": "inference",
    "EventRolesError": "labels",
    "LabelSet": "labels",
    "RunOptions": "inference",
    "RunSummary": "inference",
    "TaggedDocument": "inference",
    "TaggedSentence": "inference",
    "Tagger": "inference",
    "evaluate": "training",
    "load_config": "configs",
    "split_sentences": "inference",
    "train": "training",
}

__all__ = [
    "Config",
    "Document",
    "EventRolesError",
    "LabelSet",
    "RunOptions",
    "RunSummary",
    "TaggedDocument",
    "TaggedSentence",
    "Tagger",
    "evaluate",
    "load_config",
    "split_sentences",
    "train",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""The tables that a run writes: one row a sentence, and one row a document for the kept texts."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..labels.errors import ConfigError, DataError, ModelError
from .documents import Document
from .results import TaggedDocument, TaggedSentence

Kind = Literal["text", "integer", "number", "boolean", "list", "object"]
Row = Mapping[str, Any]

_BEFORE_SCORES: dict[str, Kind] = {
    "document": "text",
    "sha256": "text",
    "index": "integer",
    "start": "integer",
    "end": "integer",
    "text": "text",
    "roles": "list",
}
_AFTER_SCORES: dict[str, Kind] = {"review": "boolean", "boilerplate": "text", "boilerplate_end": "integer"}
_CLUSTERS: dict[str, Kind] = {"story": "text", "sentence_cluster": "text"}
_ORIGIN: dict[str, Kind] = {
    "source": "text",
    "title": "text",
    "date": "text",
    "metadata": "object",
    "model": "text",
    "revision": "text",
}
# Rows of two layouts do not mix in one dataset folder; 2 brought the column ``review``.
LAYOUT = 2
# The extracted texts that `--keep-text` keeps.
TEXT_COLUMNS: Mapping[str, Kind] = {"document": "text", "source": "text", "sha256": "text", "text": "text"}
_DECIMALS = 6  # of a score


@dataclass(frozen=True, slots=True)
class Table:
    """What the rows of a run look like.

    Attributes:
        label_names: the labels, in the order of their score columns.
        model: name of the model, for the ``model`` column.
        revision: revision of the model, for the ``revision`` column.
        clusters: whether there are columns for the clusters of near-duplicates.
    """

    label_names: Sequence[str]
    model: str
    revision: str
    clusters: bool = False

    @property
    def columns(self) -> dict[str, Kind]:
        """The columns in order, and what each holds.

        Raises:
            ConfigError: a label has the name of a column, or one that a CSV file cannot hold.
        """
        scores: dict[str, Kind] = dict.fromkeys(self.label_names, "number")
        parts = [_BEFORE_SCORES, scores, _AFTER_SCORES, _CLUSTERS if self.clusters else {}, _ORIGIN]
        names = Counter(name for part in parts for name in part)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise ConfigError(f"two columns of the output would be called {', '.join(twice)}; rename the label")
        if barred := [name for name in self.label_names if "|" in name]:
            raise ConfigError(f"label {barred[0]!r} holds '|', which stands between the roles of a CSV row; rename it")
        return {name: kind for part in parts for name, kind in part.items()}

    def rows(self, tagged: TaggedDocument) -> Iterator[dict[str, Any]]:
        """Yield one row for each sentence.

        Raises:
            ModelError: a score is not a number.
        """
        document = tagged.document
        metadata = _as_json(document.metadata)
        for sentence in tagged.sentences:
            found = sentence.boilerplate
            row = {
                "document": document.id,
                "sha256": document.sha256,
                "index": sentence.index,
                "start": sentence.start,
                "end": sentence.end,
                "text": sentence.text,
                "roles": list(sentence.roles),
                **self._scores(document, sentence),
                "review": sentence.review,
                "boilerplate": found.rule if found else None,
                "boilerplate_end": sentence.start + found.end if found else None,
            }
            if self.clusters:
                row |= dict.fromkeys(_CLUSTERS)  # known when all documents are
            yield row | {
                "source": document.source,
                "title": document.title,
                "date": document.date,
                "metadata": metadata,
                "model": self.model,
                "revision": self.revision,
            }

    def _scores(self, document: Document, sentence: TaggedSentence) -> dict[str, float | None]:
        if not sentence.scores:  # boilerplate that was left out of scoring
            return dict.fromkeys(self.label_names)
        scores: dict[str, float | None] = {}
        for name in self.label_names:
            score = round(float(sentence.scores[name]), _DECIMALS)
            if not math.isfinite(score):
                raise ModelError(
                    f"{document.id}: the score of {name!r} is {score} in sentence {sentence.index}; the model "
                    "is damaged or was trained with errors: get it again or train it anew"
                )
            scores[name] = score
        return scores


def columns_of(names: Sequence[str]) -> dict[str, Kind]:
    """Return what the columns of a written table hold, by their names in order; numbers are scores of labels.

    Columns that a user has added hold text.

    Raises:
        DataError: this is no table that a run has written.
    """
    known = {**_BEFORE_SCORES, **_AFTER_SCORES, **_CLUSTERS, **_ORIGIN}
    end = next((names.index(name) for name in _AFTER_SCORES if name in names), None)
    if list(names[: len(_BEFORE_SCORES)]) != list(_BEFORE_SCORES) or end is None:
        raise DataError(f"its columns ({', '.join(names) or 'none'}) are not those that `eventroles tag` writes")
    labels = names[len(_BEFORE_SCORES) : end]
    return {name: "number" if name in labels else known.get(name, "text") for name in names}


def text_row(document: Document) -> dict[str, str]:
    """Return the row of a document for the kept texts: `TEXT_COLUMNS`."""
    return {"document": document.id, "source": document.source, "sha256": document.sha256, "text": document.text}


def _as_json(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return metadata as JSON can hold it, or None if there is none: a number that is none becomes null."""
    if not metadata:
        return None
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {str(name): _plain(value) for name, value in metadata.items()}
    return dict(metadata)


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)

"""Sentences of a user's own archive, read as `tag` reads documents: drawn, and without those that have labels."""

from __future__ import annotations

import glob
import hashlib
import heapq
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configs.schema import Config
from ..inference.documents import Document, Failure, Found, ReadOptions
from ..inference.reading.process import ReaderProcess
from ..inference.reading.sources import find_sources
from ..inference.remote import is_remote
from ..inference.sentences import Sentence, split_sentences
from ..labels.errors import ConfigError, DataError

_MOST_BEFORE = 3  # sentences that a model may see before the one to be tagged
_MOST_FAILURES_SHOWN = 3


@dataclass(frozen=True)
class UnlabelledSentence:
    """A sentence of the archive; ``before`` are the three before it in its document, fewer at the start of one."""

    document: str
    index: int
    text: str
    before: tuple[str, ...]


@dataclass(frozen=True)
class UnlabelledText:
    """What was drawn from an archive.

    Attributes:
        sentences: the sentences drawn, in reading order.
        documents: how many documents were read.
        failed: how many documents, or files, could not be read.
        failures: the first few of these.
    """

    sentences: tuple[UnlabelledSentence, ...]
    documents: int
    failed: int
    failures: tuple[Failure, ...]

    @property
    def texts(self) -> list[str]:
        """The sentences as text."""
        return [sentence.text for sentence in self.sentences]

    def contexts(self, count: int) -> list[str]:
        """Return for each sentence the ``count`` sentences before it, joined, as `data.contexts` does."""
        return [" ".join(sentence.before[-count:]) if count else "" for sentence in self.sentences]

    def describe(self) -> dict[str, Any]:
        """Return what the manifest says of it: counts, and a SHA-256 over sentences and what stands before them."""
        digest = hashlib.sha256()
        for sentence in self.sentences:
            row = [sentence.document, sentence.index, sentence.text, *sentence.before]
            digest.update(json.dumps(row).encode() + b"\n")
        return {
            "sentences": len(self.sentences),
            "from_documents": len({sentence.document for sentence in self.sentences}),
            "documents": self.documents,
            "failed": self.failed,
            "sha256": digest.hexdigest(),
        }


def read_unlabelled(config: Config, *, known: Iterable[str]) -> UnlabelledText | None:
    """Read what ``data.unlabelled`` names and draw ``data.max_unlabelled`` sentences; None if it names nothing.

    Every sentence counts once, however often it occurs. Boilerplate, and sentences without a letter, are left out.
    The same sentences are drawn in whatever order files are read, and the archive need not fit into memory.

    Args:
        config: the training config.
        known: sentences that are left out: those of validation and test must stay unseen, and those of train have
            labels that are better than a teacher's. Case and white space do not matter.

    Raises:
        ConfigError: what does not exist.
        DataError: there is no document, or none with a sentence to learn from.
    """
    if not config.data.unlabelled:
        return None
    draw = _Draw(config.data.max_unlabelled, seed=config.split.seed, leave_out=frozenset(map(_plain, known)))
    found = _find(config)
    failed, failures, documents = len(found.failures), list(found.failures[:_MOST_FAILURES_SHOWN]), 0
    with (
        ReaderProcess(ReadOptions()) as reader,
        closing(reader.read_all((source, 0) for source in found.sources)) as items,
    ):
        for item in items:
            problem = item if isinstance(item, Failure) else None
            if isinstance(item, Document):
                problem = _offer(draw, item)
                documents += problem is None
            if problem:
                failed += 1
                failures += [problem][: _MOST_FAILURES_SHOWN - len(failures)]
    text = UnlabelledText(draw.sentences(), documents, failed, tuple(failures))
    if not text.sentences:
        raise DataError("\n".join(["data.unlabelled: no sentence to learn from", *warn_of_unlabelled(text)]))
    return text


def warn_of_unlabelled(text: UnlabelledText | None) -> list[str]:
    """Return what the user should know of the archive, in one sentence; nothing if all of it could be read."""
    if text is None or not text.failed:
        return []
    shown = "; ".join(f"{failure.document}: {failure.reason}" for failure in text.failures)
    more = f"; and {text.failed - len(text.failures):,} more" if text.failed > len(text.failures) else ""
    of = text.failed + text.documents
    return [f"data.unlabelled: {text.failed:,} of {of:,} documents could not be read and were left out ({shown}{more})"]


class _Draw:
    """Keeps the sentences with the smallest of the random numbers that a seed gives to texts (bottom-k sampling).

    A text has the same number wherever it occurs, so that repeats fall together and the order of files says nothing.
    """

    def __init__(self, count: int, *, seed: int, leave_out: frozenset[str]) -> None:
        self._count = count
        self._key = str(seed).encode()
        self._leave_out = leave_out
        self._offered = 0
        self._kept: dict[int, tuple[int, UnlabelledSentence]] = {}
        self._largest: list[int] = []  # a heap of what is kept, signs turned, as heapq gives the smallest

    def offer(self, document: str, sentences: Sequence[Sentence]) -> None:
        """Take the sentences of a document."""
        texts = [sentence.text for sentence in sentences]
        for place, sentence in enumerate(sentences):
            plain = _plain(sentence.text)
            if plain in self._leave_out or not any(map(str.isalpha, sentence.content)):
                continue
            digest = hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=16, key=self._key).digest()
            number = int.from_bytes(digest, "big")
            is_full = len(self._largest) == self._count
            if number in self._kept or (is_full and number > -self._largest[0]):
                continue
            before = tuple(texts[max(0, place - _MOST_BEFORE) : place])
            self._offered += 1
            self._kept[number] = self._offered, UnlabelledSentence(document, sentence.index, sentence.text, before)
            if is_full:
                del self._kept[-heapq.heapreplace(self._largest, -number)]
            else:
                heapq.heappush(self._largest, -number)

    def sentences(self) -> tuple[UnlabelledSentence, ...]:
        """Return what is kept, in the order it was offered in."""
        return tuple(sentence for _, sentence in sorted(self._kept.values(), key=lambda kept: kept[0]))


def _offer(draw: _Draw, document: Document) -> Failure | None:
    try:
        sentences = split_sentences(document.text)
    except Exception as error:  # one text that the splitter breaks on must not end a run over thousands
        reason = f"cannot be split into sentences ({type(error).__name__}: {error}); report it with the text"
        return Failure(document.id, " ".join(reason.split()), stage="split", source=document.source)
    draw.offer(document.id, sentences)
    return None


def _find(config: Config) -> Found:
    """Return the files that the entries name; what the run itself writes is none of them."""
    inputs: list[str] = []
    for entry in config.data.unlabelled:
        path = Path(entry).expanduser()
        if is_remote(entry) or path.exists():
            inputs.append(entry if is_remote(entry) else str(path))
            continue
        # A pattern that fits nothing stays as it is: the error below says what is not there.
        inputs += sorted(glob.glob(str(path), recursive=True)) or [entry]  # noqa: PTH207 - Path.glob: no absolute ones
    try:
        return find_sources(inputs, exclude=config.output.folder)
    except (ConfigError, DataError) as error:
        raise type(error)(f"data.unlabelled: {error}") from error


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())

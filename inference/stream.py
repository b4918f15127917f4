"""A stream of documents cut into windows of sentences, and windows worked on while the next one is made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from .documents import Document, EndOfPart, Failure, SourceRead
from .encoding import Encoded
from .sentences import Sentence, split_sentences

# What goes through beside the documents, in its place between them.
Event = Failure | SourceRead | EndOfPart

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences of a document that stand in one window; ``is_last``: the document has no more."""

    document: Document
    sentences: Sequence[Sentence]
    is_last: bool


@dataclass(frozen=True, slots=True)
class _Split:
    document: Document
    sentences: list[Sentence]


@dataclass(frozen=True, slots=True)
class Window:
    """Sentences that are scored together: documents or parts of them, and the tokens of all their sentences.

    Between the parts stands what else came in the stream.
    """

    parts: Sequence[Part | Event]
    encoded: Sequence[Encoded]

    @property
    def sentences(self) -> list[Sentence]:
        """The sentences of all parts, in the order of ``encoded``."""
        return [sentence for part in self.parts if isinstance(part, Part) for sentence in part.sentences]


def cut_windows(
    items: Iterable[Document | Event],
    encode: Callable[[Sequence[Sentence], int, int], list[Encoded]],
    *,
    size: int,
) -> Iterator[Window]:
    """Split documents into sentences and cut the stream of them into windows, inside a document where it must be.

    Args:
        items: the documents, and what else is to go through; read as far as the window that is asked for.
        encode: tokenises the sentences from one index to another of a document.
        size: sentences of every window but the last, and but those before an `EndOfPart`; also the most documents and
            events, for those without a sentence.
    """
    parts: list[Part | Event] = []
    encoded: list[Encoded] = []
    for item in map(_split, items):
        if not isinstance(item, _Split):
            parts.append(item)
            if isinstance(item, EndOfPart) or len(parts) == size:
                yield Window(parts, encoded)
                parts, encoded = [], []
            continue
        sentences = item.sentences
        start, is_last = 0, False
        while not is_last:
            end = min(len(sentences), start + size - len(encoded))
            is_last = end == len(sentences)
            parts.append(Part(item.document, sentences[start:end], is_last))
            encoded += encode(sentences, start, end)
            start = end
            if size in (len(encoded), len(parts)):
                yield Window(parts, encoded)
                parts, encoded = [], []
    if parts:
        yield Window(parts, encoded)


def _split(item: Document | Event) -> _Split | Event:
    if not isinstance(item, Document):
        return item
    try:
        return _Split(item, split_sentences(item.text))
    except Exception as error:  # one text that the splitter breaks on must not end a run over millions
        reason = f"cannot be split into sentences ({type(error).__name__}: {error}); report it with the text"
        return Failure(item.id, " ".join(reason.split()), stage="split", source=item.source)


def work_ahead(
    work: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Generator[tuple[_Item, _Result], None, None]:
    """Yield every item with what a background thread makes of it, in order.

    The thread works on an item while the caller handles the one before and the one after it is made: two are under
    way, no more. Errors of ``work`` and ``items`` come out here. Closing the generator waits for the work begun.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="eventroles")
    under_way: deque[tuple[_Item, Future[_Result]]] = deque()
    try:
        for item in items:
            under_way.append((item, pool.submit(work, item)))
            if len(under_way) == 2:
                yield _finished(under_way)
        while under_way:
            yield _finished(under_way)
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(under_way: deque[tuple[_Item, Future[_Result]]]) -> tuple[_Item, _Result]:
    item, future = under_way.popleft()
    return item, future.result()

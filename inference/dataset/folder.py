"""A dataset folder: parts of rows and their ledger, in which a run goes on where an earlier one was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Any

from ...labels.errors import ConfigError, DataError
from ..documents import Failure, Found, Source, SourceRead
from ..reading.door import fingerprint
from ..reading.sources import signature
from ..results import TaggedDocument
from ..rows import Row
from ..sinks import json_line, told
from .duplicates import sentences as sentence_clusters
from .duplicates import stories
from .ledger import Ledger, Part, SourceEntry
from .parts import ROWS, TEXTS, Layout, PartWriter, by_document, rewrite

LEDGER = "manifest.sqlite"
FAILURES = "failures.jsonl"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do, and what became of inputs of earlier runs.

    Attributes:
        sources: inputs to read.
        size: their bytes.
        earlier: inputs that were done before.
        changed: inputs that are read again as they have changed, or had failed.
        removed: inputs that are no longer there; their rows stay.
    """

    sources: int
    size: int
    earlier: int
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Dataset:
    """A dataset folder that is being written; a context manager, which keeps other runs out.

    Args:
        layout: where and how its parts are written.
        identity: what must not differ between the runs that write it, by name: model, options, inputs.

    Raises:
        ConfigError: the folder holds something else, or was written with another model or other options.
        DataError: another run is writing there, or the folder cannot be written.
    """

    def __init__(self, layout: Layout, identity: Mapping[str, Any]) -> None:
        self.layout = layout
        self.identity = json.loads(json.dumps(identity, sort_keys=True))
        self.config = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:12]
        self._open = ExitStack()
        self._writer: PartWriter | None = None

    def __enter__(self) -> Dataset:
        """Lock it, look at what earlier runs left, and remove what an interrupted one left half."""
        storage = self.layout.storage
        storage.check(LEDGER)
        with ExitStack() as opened:
            opened.enter_context(storage.locked())
            self.ledger = Ledger(storage.local(LEDGER))
            opened.callback(self.ledger.close)
            self._check_identity()
            storage.publish_ledger(LEDGER, last=True)
            self._open = opened.pop_all()
        self._next = max(self.ledger.parts(), default=-1) + 1
        self._remove_leftovers()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Drop the part under way, if one is, and let other runs in."""
        with self._open:  # whatever happens, the lock goes
            if self._writer is not None:
                self._writer.discard()
            if kind is None:
                self.layout.storage.publish_ledger(LEDGER, last=True)
                return
            with suppress(DataError):  # what went wrong first says more
                self.layout.storage.publish_ledger(LEDGER, last=True)

    def plan(self, found: Found, *, retry_failed: bool) -> Plan:
        """Compare the inputs with the ledger; strike out those that have changed.

        Raises:
            DataError: a part with rows of a changed input cannot be rewritten.
        """
        self.ledger.not_found(found.failures)
        changed, earlier = [], 0
        for source in found.sources:
            size, modified_ns = signature(source)
            entry = SourceEntry(source.id, source.url or str(source.path), size, modified_ns)
            known = self.ledger.source(source.id)
            skip: int | None = 0
            if known is not None:
                if self._has_changed(source, entry, known) or (retry_failed and self.ledger.has_failures(source.id)):
                    changed.append(source.id)
                else:
                    skip = known.items if known.state == "partial" else None
                    earlier += skip is None
            self.ledger.plan(entry, skip=skip)
        if changed:
            self._strike_out(changed)
        pending, size = self.ledger.pending()
        return Plan(pending, size, earlier, tuple(changed), tuple(self.ledger.removed()))

    def pending(self) -> Iterator[tuple[Source, int]]:
        """Yield the inputs to read, in order, and how many items of each earlier parts hold."""
        for entry, skip in self.ledger.planned():
            yield Source.at(entry.path, entry.id, size=entry.size, modified_ns=entry.modified_ns), skip

    def write(self, tagged: TaggedDocument) -> None:
        """Write the rows of a document into the part under way."""
        self._part().write(tagged)

    def fail(self, failure: Failure) -> None:
        """Enter what gave no document into the part under way."""
        self._part().fail(failure)

    def finish(self, read: SourceRead) -> None:
        """Note in the part under way that an input was read to its end."""
        self._part().finish(read)

    def end_part(self) -> None:
        """Put the part under way in place, with its entry in the ledger."""
        if self._writer is None:
            return
        part = self._writer.publish()
        self._writer = None
        self.enter(part)

    def enter(self, part: Part) -> None:
        """Enter a part whose files are in place into the ledger."""
        self.ledger.commit(part, revision=self.layout.table.revision, config=self.config)
        self.layout.storage.publish_ledger(LEDGER)
        self._next = max(self._next, part.number + 1)

    @property
    def next_part(self) -> int:
        """The number of the first part that is not there yet."""
        return self._next

    def complete(self) -> None:
        """Do what needs all parts, once they are there: the clusters of near-duplicates, and the list of failures."""
        if self.layout.table.clusters and not self.ledger.get("clustered"):
            self._cluster()
            self.ledger.set("clustered", True)
        self.write_file(FAILURES, b"".join(map(json_line, map(asdict, self.ledger.failures()))))
        self.layout.storage.publish_ledger(LEDGER, last=True)

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file beside the parts, whole or not at all."""
        path = self.layout.storage.folder / name
        unfinished = path.with_name(f".{name}.partial")
        with told(path):
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        self.layout.storage.publish(name)

    def _part(self) -> PartWriter:
        if self._writer is None:
            self._writer = PartWriter(self.layout, self._next, self.ledger.found)
        return self._writer

    def _check_identity(self) -> None:
        known = self.ledger.get("identity")
        if known != self.identity and not self.ledger.documents():
            # Nothing is lost by beginning anew, as after a mistyped column of which every row failed.
            self.ledger.clear()
            self.ledger.set("identity", self.identity)
            return
        problems = [
            f"{name} was {_shown(known.get(name))} there and is {_shown(self.identity.get(name))} now"
            for name in dict.fromkeys(chain(known, self.identity))
            if known.get(name) != self.identity.get(name)
        ]
        if problems:
            raise ConfigError(
                f"{self.layout.storage.address} was written by another command, and rows of two do not mix: "
                f"{'; '.join(problems)}. Name another --output, or repeat the first command to go on with it"
            )

    def _remove_leftovers(self) -> None:
        """Remove what is no part by the ledger: files of a run that was killed before it could enter them."""
        storage = self.layout.storage
        known = {name for number in self.ledger.parts() for name in self.layout.names(number)}
        for folder in (ROWS, TEXTS):
            for name in storage.names(folder):
                if name not in known:
                    storage.remove(name)
        missing = sorted(known - {name for folder in (ROWS, TEXTS) for name in storage.names(folder)})
        if missing:
            raise DataError(
                f"{storage.address}: {missing[0]} is gone ({len(missing):,} files in all), which the manifest lists; "
                "put the files back, or name another --output"
            )

    def _has_changed(self, source: Source, now: SourceEntry, known: SourceEntry) -> bool:
        if (now.size, now.modified_ns) == (known.size, known.modified_ns):
            return False
        # A remote file would have to be fetched for its digest.
        is_near = known.sha256 and not source.url
        if is_near and now.size == known.size and fingerprint(source.path).sha256 == known.sha256:
            self.ledger.touch(source.id, modified_ns=now.modified_ns)
            return False
        return True

    def _strike_out(self, sources: Sequence[str]) -> None:
        """Take the rows of inputs out of their parts, and then out of the ledger: a kill in between is made good."""
        gone = frozenset(sources)

        def others(row: Row) -> Row | None:
            return None if row["source"] in gone else row

        numbers = sorted({number for source in sources for number in self.ledger.parts_of(source)})
        self.ledger.forget(sources, {number: rewrite(self.layout, number, others) for number in numbers})
        # A later command must not take for done what was struck out.
        self.layout.storage.publish_ledger(LEDGER, last=True)

    def _cluster(self) -> None:
        documents, sentences = stories(), sentence_clusters()
        for number in self.ledger.parts():
            found = (
                {"story": story, "sentence_cluster": sentences.add(row["text"])}
                for rows in by_document(self.layout.rows(number))
                for story in [documents.add("\n".join(row["text"] for row in rows))]
                for row in rows
            )
            rewrite(self.layout, number, partial(_with_clusters, found), with_texts=False)


def _with_clusters(found: Iterator[Row], row: Row) -> Row:
    return {**row, **next(found)}


def _shown(value: object) -> str:
    return "not set" if value in (None, False) else json.dumps(value, ensure_ascii=False)

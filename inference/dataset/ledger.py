"""The ledger of a dataset folder: which input was read when, into which part, and what failed; in SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...labels.errors import DataError
from ..documents import Failure, Stage
from ..remote import readable

State = Literal["partial", "done", "failed"]

_TABLES = """
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    id TEXT PRIMARY KEY,            -- path below the input folder
    path TEXT NOT NULL,
    size INTEGER NOT NULL,          -- bytes
    modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,           -- empty until the file was read to its end
    state TEXT NOT NULL,            -- partial: more of it goes into the next part; done; failed: it gave no document
    items INTEGER NOT NULL,         -- documents and failures so far
    documents INTEGER NOT NULL,
    part INTEGER NOT NULL,          -- the last one that holds something of it
    error TEXT NOT NULL,            -- of a failed one
    model TEXT NOT NULL,            -- revision of the model
    config TEXT NOT NULL            -- hash of the options
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (     -- which part holds how many documents of which input
    source TEXT, part INTEGER, documents INTEGER NOT NULL, PRIMARY KEY (source, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    number INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    without_role INTEGER NOT NULL,
    roles TEXT NOT NULL             -- rows of each role, JSON
);
CREATE TABLE IF NOT EXISTS failures (
    number INTEGER PRIMARY KEY,
    part INTEGER,                   -- NULL for what was not even found
    source TEXT NOT NULL,
    document TEXT NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_of_source ON failures (source);
CREATE TEMP TABLE found (           -- the inputs of this run, in reading order
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, path BLOB, size INTEGER, modified_ns INTEGER, skip INTEGER
);
"""


@dataclass(slots=True)
class SourceEntry:
    """What the ledger knows of an input; the fields are the columns of the table ``sources``."""

    id: str
    path: str
    size: int
    modified_ns: int
    sha256: str = ""
    state: State = "partial"
    items: int = 0
    documents: int = 0
    part: int = 0
    error: str = ""


@dataclass(slots=True)
class Counts:
    """Rows of a part or a dataset: all, those without a role, and those of each role."""

    rows: int = 0
    without_role: int = 0
    roles: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add what another one counts."""
        self.rows += other.rows
        self.without_role += other.without_role
        self.roles.update(other.roles)


@dataclass
class Part:
    """What went into a part: its rows, the inputs and the documents of each, and what failed."""

    number: int
    counts: Counts = field(default_factory=Counts)
    sources: dict[str, SourceEntry] = field(default_factory=dict)
    documents: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


class Ledger:
    """The SQLite file of a dataset folder; every change of several rows is one transaction.

    Args:
        path: the file; made if it is not there.

    Raises:
        DataError: the file is not such a ledger, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            # Manual transactions; a statement by itself is committed at once.
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def get(self, key: str) -> Any:
        """Return a value of the run by its key; None if there is none."""
        found = self._one("SELECT value FROM run WHERE key = ?", key)
        return None if found is None else json.loads(found[0])

    def set(self, key: str, value: object) -> None:
        """Set a value of the run: anything that JSON can hold."""
        self._change("INSERT OR REPLACE INTO run VALUES (?, ?)", key, json.dumps(value, ensure_ascii=False))

    def source(self, source_id: str) -> SourceEntry | None:
        """Return what is known of an input; None if it was never read."""
        columns = "id, path, size, modified_ns, sha256, state, items, documents, part, error"
        found = self._one(f"SELECT {columns} FROM sources WHERE id = ?", source_id)
        return None if found is None else SourceEntry(*found)

    def touch(self, source_id: str, *, modified_ns: int) -> None:
        """Note that an input has another time, but the same content."""
        self._change("UPDATE sources SET modified_ns = ? WHERE id = ?", modified_ns, source_id)

    def commit(self, part: Part, *, revision: str, config: str) -> None:
        """Enter a part whose files are in place; ``revision`` of the model, and hash of the options that made it."""
        with self._transaction() as run:
            run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", (part.number, *_as_columns(part.counts)))
            for source in part.sources.values():
                # Without the signature that a web address may carry.
                values = asdict(replace(source, path=readable(source.path))).values()
                row = (*map(_storable, values), revision, config)
                run(f"INSERT OR REPLACE INTO sources VALUES ({', '.join('?' * len(row))})", row)
                run("INSERT INTO pieces VALUES (?, ?, ?)", (source.id, part.number, part.documents[source.id]))
            for failure in part.failures:
                run("INSERT INTO failures VALUES (NULL, ?, ?, ?, ?, ?)", (part.number, *_failure_columns(failure)))
            run("DELETE FROM run WHERE key = 'clustered'", ())

    def forget(self, sources: Sequence[str], parts: Mapping[int, Counts]) -> None:
        """Strike out inputs whose rows are gone from their parts; ``parts``: what those count now."""
        with self._transaction() as run:
            for part, counts in parts.items():
                run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", (part, *_as_columns(counts)))
            for source in sources:
                for table, column in (("sources", "id"), ("pieces", "source"), ("failures", "source")):
                    run(f"DELETE FROM {table} WHERE {column} = ?", (source,))
            run("DELETE FROM run WHERE key = 'clustered'", ())

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as run:
            for table in ("run", "sources", "pieces", "parts", "failures"):
                run(f"DELETE FROM {table}", ())

    def parts_of(self, source_id: str) -> list[int]:
        """Return the numbers of the parts that hold something of an input."""
        return [part for (part,) in self._all("SELECT part FROM pieces WHERE source = ? ORDER BY part", source_id)]

    def parts(self) -> list[int]:
        """Return the numbers of all parts, in order."""
        return [part for (part,) in self._all("SELECT number FROM parts ORDER BY number")]

    def counts(self) -> Counts:
        """Return the rows of all parts together."""
        total = Counts()
        for rows, without_role, roles in self._all("SELECT rows, without_role, roles FROM parts"):
            total.add(Counts(rows, without_role, Counter(json.loads(roles))))
        return total

    def documents(self) -> int:
        """Return how many documents were tagged."""
        return int(self._one("SELECT COALESCE(SUM(documents), 0) FROM pieces")[0])

    def not_found(self, failures: Sequence[Failure]) -> None:
        """Enter what could not even be looked at, in place of what earlier runs entered."""
        with self._transaction() as run:
            run("DELETE FROM failures WHERE part IS NULL", ())
            for failure in failures:
                run("INSERT INTO failures VALUES (NULL, NULL, ?, ?, ?, ?)", _failure_columns(failure))

    def failures(self, *, most: int = -1) -> Iterator[Failure]:
        """Yield all failures: what was not found first, then in the order of the parts; ``most``: the first so many."""
        # What was read again comes into a later part, so that the order does not tell how often a run was interrupted.
        query = "SELECT document, reason, stage, source FROM failures ORDER BY part IS NOT NULL, part, number LIMIT ?"
        for document, reason, stage, source in self._all(query, most):
            yield Failure(document, reason, stage=stage, source=source)

    def failures_by_stage(self) -> dict[Stage, int]:
        """Return how many failures there are, by stage."""
        return dict(self._all("SELECT stage, COUNT(*) FROM failures GROUP BY stage ORDER BY stage"))

    def has_failures(self, source_id: str) -> bool:
        """Whether something of an input failed."""
        return self._one("SELECT 1 FROM failures WHERE source = ? LIMIT 1", source_id) is not None

    def plan(self, source: SourceEntry, *, skip: int | None) -> None:
        """Note that an input is there in this run, and how much of it is done; ``skip`` None if all of it is."""
        # As bytes: a path can hold some that are no UTF-8, and with others the file is not found again.
        values = (source.id, os.fsencode(source.path), source.size, source.modified_ns, skip)
        self._change("INSERT OR IGNORE INTO found VALUES (NULL, ?, ?, ?, ?, ?)", *values)

    def planned(self) -> Iterator[tuple[SourceEntry, int]]:
        """Yield the inputs that are not done, in the order in which they were noted, and how much of each is."""
        last = 0
        while True:
            # In small bites: between them the ledger is written to.
            query = "SELECT number, id, path, size, modified_ns, skip FROM found WHERE skip IS NOT NULL AND number > ?"
            rows = list(self._all(f"{query} ORDER BY number LIMIT 1000", last))
            for number, source_id, path, size, modified_ns, skip in rows:
                last = number
                yield SourceEntry(source_id, os.fsdecode(path), size, modified_ns), skip
            if not rows:
                return

    def pending(self) -> tuple[int, int]:
        """Return how many inputs are not done, and their bytes."""
        found = self._one("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM found WHERE skip IS NOT NULL")
        return int(found[0]), int(found[1])

    def found(self, source_id: str) -> SourceEntry:
        """Return the entry to go on with for an input that was planned: what earlier parts hold, or an empty one."""
        known = self.source(source_id)
        if known is not None:
            return known
        row = self._one("SELECT path, size, modified_ns FROM found WHERE id = ?", source_id)
        path, size, modified_ns = (b"", 0, 0) if row is None else row
        return SourceEntry(source_id, os.fsdecode(path), size, modified_ns)

    def removed(self) -> list[str]:
        """Return the inputs of earlier runs that were not there in this one."""
        return [
            name for (name,) in self._all("SELECT id FROM sources WHERE id NOT IN (SELECT id FROM found) ORDER BY id")
        ]

    def _one(self, query: str, *values: object) -> Any:
        with self._told():
            return self._database.execute(query, values).fetchone()

    def _all(self, query: str, *values: object) -> Iterator[Any]:
        with self._told():
            yield from self._database.execute(query, values)

    def _change(self, statement: str, *values: object) -> None:
        with self._told():
            self._database.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk has rolled it back already
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            raise DataError(
                f"{self.path}: {error}; free space or ask for rights there, and run the same command again. If the "
                "file is damaged, write to a new output"
            ) from error


def _as_columns(counts: Counts) -> tuple[int, int, str]:
    return counts.rows, counts.without_role, json.dumps(dict(sorted(counts.roles.items())))


def _failure_columns(failure: Failure) -> tuple[str, str, str, str]:
    source, document, stage, reason = map(_storable, (failure.source, failure.document, failure.stage, failure.reason))
    return source, document, stage, reason


def _storable(value: Any) -> Any:
    """Return a value as SQLite takes it: a file name can hold bytes that are no UTF-8."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value

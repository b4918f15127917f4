"""Reading in a process of its own, so that a reader's crash, hang or hunger for memory costs one document."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from ...labels.errors import EventRolesError
from ..documents import Document, Failure, ReadOptions, Source, SourceRead
from ..remote import fetch, is_of_this_process
from .door import OUT_OF_MEMORY, Fingerprint, fingerprint, too_much_memory

_AHEAD = 16  # files that the process is asked for before it is done with the first
_CHUNK = 1 << 16  # bytes; what a pipe holds
_MOST_CHUNKS = 16  # read from the pipe before they are needed; with the pipe they bound how far the process reads ahead
_RETRIES = 2  # of a file whose reader died where it did not die before
_START = (
    "import sys; folder, *sys.path[:] = sys.argv[1:]; "
    "from eventroles.inference.reading.service import serve; serve(folder)"
)
_START_SECONDS = 120.0  # a cold disk of a busy machine


class _DiedError(Exception):
    """The process is gone, or had to be ended; the message says why, to be said of what it was reading."""


@dataclass(slots=True)
class _Reading:
    """How far the reading of a file has come.

    An attempt is one process that reads the file. It begins at the start and gives for a member that is avoided one
    failure, which is told already, so that items are counted twice: in the attempt, and as they are given out.

    Attributes:
        source: the file.
        skip: items that the caller does not want.
        avoid: members that a reader died of.
        done: items so far, those skipped and those of earlier attempts included.
        resume_at: items of this attempt that were dealt with in earlier ones.
        position: items of this attempt so far.
        under_way: members begun and not ended, the outermost first, with the position where each began.
        begun: whether the process has said in this attempt that it begins.
        retries: attempts that died before they began, or came to where the one before them was.
        copy: where a file lies that only this process can see.
    """

    source: Source
    skip: int
    avoid: set[str] = field(default_factory=set)
    done: int = 0
    resume_at: int = 0
    position: int = 0
    under_way: list[tuple[str, int]] = field(default_factory=list)
    begun: bool = False
    retries: int = 0
    copy: tempfile.TemporaryDirectory[str] | None = None

    def request(self) -> dict[str, Any]:
        """Begin an attempt and return what the process is told."""
        self.position = 0
        self.begun = False
        self.under_way.clear()
        skip = self.resume_at + max(0, self.skip - self.done)
        path, url = str(self.source.path), self.source.url
        if is_of_this_process(url) and (copy := self._copied()) is not None:
            path, url = str(copy), ""
        return {"path": path, "id": self.source.id, "url": url, "skip": skip, "avoid": sorted(self.avoid)}

    def start(self, name: str) -> None:
        """Note that a member begins, or that the archive it is in goes on."""
        known = next((place for place, (open_name, _) in enumerate(self.under_way) if open_name == name), None)
        if known is not None:
            del self.under_way[known + 1 :]
        elif name == self.source.id:
            self.under_way.clear()
        else:
            self.under_way.append((name, self.position))

    def count(self) -> bool:
        """Count an item of the attempt and return whether the caller wants it."""
        self.position += 1
        if self.position <= self.resume_at:
            return False
        self.done += 1
        return self.done > self.skip

    def end(self, known: Fingerprint) -> SourceRead:
        """Return that the file was read to its end."""
        self.close()
        source = self.source
        modified_ns = source.modified_ns if source.url else known.modified_ns  # not that of a copy
        return SourceRead(source, known.size, modified_ns, known.sha256, self.done)

    def close(self) -> None:
        """Remove the copy of the file, if there is one."""
        if self.copy is not None:
            self.copy.cleanup()
            self.copy = None

    def _copied(self) -> Path | None:
        """Return a copy of a file that the process cannot see; None if there is none to copy, which it then says."""
        self.copy = self.copy or tempfile.TemporaryDirectory(prefix="eventroles-")
        path = Path(self.copy.name, f"file{self.source.path.suffix}")
        try:
            if not path.exists():
                fetch(self.source.url, path)
        except EventRolesError:
            return None
        return path

    def give_up_on_member(self) -> str | None:
        """Return what the reader died of and avoid it from now on; None if it is the file as a whole."""
        if not self.under_way:
            return None
        name, began = self.under_way[-1]
        self.avoid.add(name)
        self.resume_at = began + 1
        return name


class ReaderProcess:
    """Reads files in another process, and goes on in a new one where that dies.

    A context manager; the process starts with the first file and ends with the block.

    Args:
        options: what readers are told; limits are for each document.
    """

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._chunks: Queue[bytes] = Queue(_MOST_CHUNKS)
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []
        self._at_end = False
        self._folder: str | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> ReaderProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def read(self, source: Source, *, skip: int = 0) -> Iterator[Document | Failure | SourceRead]:
        """Read one file; see `read_all`."""
        return self.read_all([(source, skip)])

    def read_all(self, sources: Iterable[tuple[Source, int]]) -> Generator[Document | Failure | SourceRead, None, None]:
        """Read files one after the other, later ones while the caller works on the items of earlier ones.

        Args:
            sources: each file, and how many of its first items to leave out; asked for a few files ahead.

        Returns:
            The documents and failures of each file, then its one `SourceRead`. A file that cannot be read at all is
            one failure. Closing the generator ends the process.

        Raises:
            EventRolesError: the process cannot start.
        """
        to_come = iter(sources)
        pending: deque[_Reading] = deque()
        try:
            while True:
                while len(pending) < _AHEAD and (pair := next(to_come, None)) is not None:
                    pending.append(_Reading(*pair))
                    if self._process is not None:
                        self._send(pending[-1].request())
                if not pending:
                    return
                try:
                    if self._process is None:
                        self._start()
                        for reading in pending:
                            self._send(reading.request())
                    ended = yield from self._read_one(pending[0])
                except _DiedError as error:
                    self._stop()
                    ended = yield from _after_death(pending[0], str(error))
                if ended:
                    pending.popleft()
        finally:
            if pending:
                self._stop()
            for reading in pending:
                reading.close()

    def _read_one(self, reading: _Reading) -> Generator[Document | Failure | SourceRead, None, bool]:
        """Yield what the process says of the file it is at; return whether the file is at its end."""
        while True:
            kind, *values = json.loads(self._receive(self._options.limits.seconds))
            if kind == "document":
                if reading.count():
                    yield Document(*values)
            elif kind == "failure":
                if reading.count():
                    yield Failure(*values)
            elif kind == "begun":
                reading.begun = True
            elif kind == "skipped":
                reading.count()
            elif kind == "started":
                reading.start(values[0])
            elif kind == "log" and reading.position >= reading.resume_at:  # else it was told before
                logging.getLogger(values[0]).log(values[1], "%s", values[2])
            elif kind == "read":
                yield reading.end(Fingerprint(*values))
                return True
            elif kind == "retired":  # it has grown too large; nothing is wrong
                self._stop()
                return False

    def _start(self) -> None:
        self._folder = self._folder or tempfile.mkdtemp(prefix="eventroles-")
        self._process = subprocess.Popen(
            # The search path is handed on as it is: `-m` and `-c` put the current folder first, where a user's
            # csv.py would be taken for Python's.
            [sys.executable, "-c", _START, self._folder, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for this process alone
        )
        self._chunks = Queue(_MOST_CHUNKS)
        self._lines.clear()
        self._rest.clear()
        self._at_end = False
        assert self._process.stdout is not None
        threading.Thread(
            target=_forward, args=(self._process.stdout.fileno(), self._chunks), name="eventroles-reader", daemon=True
        ).start()
        self._send({"columns": asdict(self._options.columns), "limits": asdict(self._options.limits)})
        try:
            self._receive(_START_SECONDS)
        except _DiedError as error:
            self._stop()
            raise EventRolesError(
                "the process that reads files did not start; what it wrote is above this line. Try: eventroles doctor"
            ) from error

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        # It may just have died; that shows when its answer does not come.
        with suppress(OSError):
            data = memoryview(json.dumps(request).encode() + b"\n")
            while data:
                data = data[self._process.stdin.write(data) :]

    def _receive(self, seconds: float) -> bytes:
        """Return the next message, waiting for a sign of life at most that long."""
        while not self._lines:
            try:
                chunk = self._chunks.get(timeout=min(seconds, threading.TIMEOUT_MAX))
            except Empty:
                raise _DiedError(f"took longer than {seconds:g} s; leave it out, or allow more time") from None
            if not chunk:
                self._at_end = True
                raise _DiedError(self._explain_death())
            first, *lines = chunk.split(b"\n")
            self._rest.append(first)
            if lines:
                self._lines.append(b"".join(self._rest))
                self._lines.extend(lines[:-1])
                self._rest = [lines[-1]]
        return self._lines.popleft()

    def _explain_death(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        if code == OUT_OF_MEMORY:
            return too_much_memory(self._options.limits)
        if code == -getattr(signal, "SIGKILL", 9):
            return "the reader was killed (signal 9), as happens where memory runs out; leave it out"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the reader crashed ({how}); get a whole copy, or leave it out"

    def _stop(self) -> None:
        """End the process and remove what it left."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            while not self._at_end and self._chunks.get():  # up to its end, so that the thread ends too
                pass
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _after_death(reading: _Reading, reason: str) -> Generator[Failure | SourceRead, None, bool]:
    """Yield what a file gives when its reader died; return whether nothing more comes of it."""
    is_new = reading.begun and reading.position >= reading.resume_at
    if not is_new and reading.retries < _RETRIES:
        reading.retries += 1
        return False
    name = reading.give_up_on_member() if is_new else None
    reading.done += 1
    if reading.done > reading.skip:
        yield Failure(name or reading.source.id, reason, source=reading.source.id)
    if name is not None:
        return False
    yield reading.end(Fingerprint() if reading.source.url else fingerprint(reading.source.path))
    return True


def _forward(pipe: int, chunks: Queue[bytes]) -> None:
    """Pass on what comes through a pipe, and at its end nothing."""
    while True:
        try:
            data = os.read(pipe, _CHUNK)
        except OSError:
            data = b""
        chunks.put(data)
        if not data:
            return

"""What the process that reads files does; `process` is the other side."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, NoReturn

from ...labels.errors import DataError, EventRolesError
from ..documents import Document, Failure, Limits, ReadOptions, Source, Started, TableColumns
from ..remote import fetch
from .door import (
    OUT_OF_MEMORY,
    Fingerprint,
    fingerprint,
    is_too_large,
    read_source,
    too_large,
    whole_file_failure,
)
from .formats import HEAD, may_be_large

_BETWEEN_SIGNS = 0.5  # seconds
_OURS = __name__.partition(".")[0]
_LONGEST = 1e6  # seconds; no system's clocks take infinity
_TRIES = 100  # to remove a folder
_FILES_BETWEEN_LOOKS = 64  # at the memory in use


class _Wire:
    """Messages to the parent, one JSON array a line.

    Args:
        pipe: file descriptor to write to.
        seconds: after which the parent gives up; twice that and the process ends itself, in case there is no parent.
    """

    def __init__(self, pipe: int, seconds: float) -> None:
        self._pipe = pipe
        self._held = b""
        self._seconds = math.ceil(min(2 * seconds, _LONGEST)) + 10
        self._has_alarm = hasattr(signal, "SIGALRM")
        self._told = 0.0
        self._lock = threading.RLock()  # signs of life come from another thread

    def send(self, *message: object) -> None:
        """Send a message, and what was held back."""
        self.hold(*message)
        self.flush()

    def hold(self, *message: object) -> None:
        """Send a message with the next one."""
        line = json.dumps(message, default=str).encode() + b"\n"
        with self._lock:
            self._held += line

    def flush(self) -> None:
        """Send what was held back; this waits for a parent that is slow."""
        with self._lock:
            data, self._held = memoryview(self._held), b""
            self.rest()
            while data:
                data = data[os.write(self._pipe, data) :]
            self._told = time.monotonic()
            if self._has_alarm:
                signal.alarm(self._seconds)

    def rest(self) -> None:
        """Stop the clock: the parent is waited for."""
        if self._has_alarm:
            signal.alarm(0)

    def alive(self) -> None:
        """Give a sign of life, if the last message was a while ago."""
        if time.monotonic() - self._told > _BETWEEN_SIGNS:
            self.send("alive")


class _Forwarder(logging.Handler):
    """Sends log records to the parent, which logs them under the same name."""

    def __init__(self, wire: _Wire) -> None:
        super().__init__()
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        self._wire.send("log", record.name, record.levelno, record.getMessage())


def serve(folder: str) -> None:
    """Read requests from standard input and answer them on standard output, until the input ends.

    Args:
        folder: where to unpack; removed if the parent is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # libraries print to it
    requests = sys.stdin.buffer
    first = requests.readline()
    if not first:
        _leave(folder)
    setting = json.loads(first)
    options = ReadOptions(TableColumns(**setting["columns"]), Limits(**setting["limits"]))
    tempfile.tempdir = folder
    _limit_memory(options.limits.memory_bytes)
    wire = _Wire(pipe, options.limits.seconds)
    logging.getLogger(_OURS).addHandler(_Forwarder(wire))  # what libraries say of bad files is in the failures
    waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting, folder), daemon=True).start()
    files = 0
    try:
        wire.send("ready")
        os.dup2(null, 2)  # until here it is where Python says why it does not start
        while True:
            if waiting.empty():
                wire.flush()
                wire.rest()
            request = waiting.get()
            wire.send("begun")
            _answer(request, options, wire)
            files += 1
            if files % _FILES_BETWEEN_LOOKS == 0 and _memory_in_use() > options.limits.memory_bytes // 2:
                wire.send("retired")
                os._exit(0)
    except BrokenPipeError:
        _leave(folder)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _answer(request: dict[str, Any], options: ReadOptions, wire: _Wire) -> None:
    """Read one file and send what it gives, item by item: what was read before a crash must not depend on luck."""
    source = Source(Path(request["path"]), request["id"], request["url"])
    options = replace(options, avoid=frozenset(request["avoid"]))
    local = source
    known = Fingerprint()
    items = 0
    try:
        with _fetched(source, options.limits, wire) if source.url else nullcontext(source) as local:
            # Reading a file of gigabytes only to say that it is too large would take a while.
            known = fingerprint(local.path, wire.alive, known="" if is_too_large(local.path, options.limits) else None)
            for item in read_source(local, options=options, alive=wire.alive):
                items += not isinstance(item, Started)
                _send(item, wire, is_skipped=items <= request["skip"])
    except EventRolesError as error:
        items += 1
        _send(whole_file_failure(local, error), wire, is_skipped=items <= request["skip"])
    wire.hold("read", known.size, known.modified_ns, known.sha256)


def _send(item: Document | Failure | Started, wire: _Wire, *, is_skipped: bool) -> None:
    if isinstance(item, Started):
        wire.send("started", item.document)
    elif is_skipped:
        wire.hold("skipped")
    elif isinstance(item, Failure):
        wire.send("failure", item.document, item.reason, item.stage, item.source)
    else:
        more = (item.source, item.title, item.date, dict(item.metadata))
        wire.send("document", item.id, item.sha256, item.text, *more)


@contextmanager
def _fetched(source: Source, limits: Limits, wire: _Wire) -> Iterator[Source]:
    """Copy a remote file to this machine for as long as it is read.

    Raises:
        ConfigError: its store cannot be asked.
        DataError: it does not come through, or is too large.
    """
    with tempfile.TemporaryDirectory(prefix="eventroles-") as folder:
        path = Path(folder) / f"file{source.path.suffix}"
        most = limits.document_bytes

        def look(size: int) -> None:
            nonlocal most
            wire.alive()
            if size > most:
                with path.open("rb") as file:
                    head = file.read(HEAD)
                if head and not may_be_large(head, path.suffix):
                    raise DataError(too_large(limits))
                most = sys.maxsize if head else most

        fetch(source.url, path, progress=look)
        yield replace(source, path=path)


def _listen(requests: BinaryIO, waiting: SimpleQueue[dict[str, Any]], folder: str) -> None:
    """Take requests as they come; at their end the parent is gone, and nothing that is under way matters."""
    for line in requests:
        waiting.put(json.loads(line))
    _leave(folder)


def _leave(folder: str) -> NoReturn:
    """End the process without its parent, and with what it has unpacked."""
    for _ in range(_TRIES):
        # The other thread may still be unpacking into it.
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            break
    os._exit(0)


def _limit_memory(size: int) -> None:
    """Let allocations beyond ``size`` bytes fail; Windows has no such limit."""
    try:
        import resource
    except ImportError:
        return
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    with suppress(ValueError, OSError):  # there is a lower limit already
        resource.setrlimit(kind, (size, resource.getrlimit(kind)[1]))


def _memory_in_use() -> int:
    """Return the bytes that count for the limit; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0

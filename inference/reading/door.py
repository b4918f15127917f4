"""Reading a file: the one door through which every format becomes checked documents."""

from __future__ import annotations

import hashlib
import importlib
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...labels.errors import DataError, EventRolesError
from ..documents import Document, Failure, Limits, ReadOptions, Source, Started
from .formats import HEAD, identify, may_be_large

if TYPE_CHECKING:
    from ..readers.unpacking import Unpacking

OUT_OF_MEMORY = 71  # exit code of a process that reads and cannot even say so
_HASHED = 1 << 20  # bytes at a time
_BETWEEN_LOOKS = 0.25  # seconds
_PROGRESS = 1 << 16  # bytes between two looks; less is what the rest of the process reads
_Reader = Callable[[Source, ReadOptions], Iterator[Document | Failure]]


def read_source(
    source: Source, *, options: ReadOptions, alive: Callable[[], None] = lambda: None
) -> Iterator[Document | Failure | Started]:
    """Read the documents of one file: one for a text, one a row for a table; what is bad in it is a `Failure`.

    An archive gives the documents of all its members. `Started` comes before each member is unpacked, and again
    with the name of the archive when the member is done with.

    Args:
        source: the file.
        options: where tables hold what, and when to give up.
        alive: called now and then while large archives are unpacked.

    Raises:
        DataError: the file as a whole cannot be read; rows before the damage may have been given out.
        EventRolesError: the format needs a library that is not installed.
    """
    try:
        for item in _read(source, options, None, alive):
            yield item if isinstance(item, Started) else replace(item, source=source.id)
    except DataError as error:
        raise DataError(f"{source.path}: {error}") from error


def whole_file_failure(source: Source, error: EventRolesError) -> Failure:
    """Return what `read_source` raised as a failure of the file; its name need not be in the reason."""
    return Failure(source.id, str(error).removeprefix(f"{source.path}: "), source=source.id)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of a file from another; see `SourceRead`."""

    size: int = 0
    modified_ns: int = 0
    sha256: str = ""


def fingerprint(path: Path, alive: Callable[[], None] = lambda: None, *, known: str | None = None) -> Fingerprint:
    """Return the fingerprint of a file; empty if it cannot be opened.

    Args:
        path: the file.
        alive: called now and then.
        known: its digest, if that has been made already.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Fingerprint()
        if known is None:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while data := file.read(_HASHED):
                    digest.update(data)
                    alive()
            known = digest.hexdigest()
    except (OSError, ValueError):
        return Fingerprint()
    return Fingerprint(status.st_size, status.st_mtime_ns, known)


def explain(error: OSError) -> str:
    """Return what the system said of a file, and what to do."""
    reason = error.strerror or " ".join(str(error).split())
    remedy = "ask for the right to read it" if isinstance(error, PermissionError) else "check that it is whole"
    return f"{reason}; {remedy}, or leave it out"


def checked(document: Document, limits: Limits) -> Document | Failure:
    """Return the document, or what makes it unfit to be split, tagged and written."""
    text = document.text
    if not text or text.isspace():
        return Failure(document.id, "holds no text; leave it out, or look whether it is a scan", source=document.source)
    if len(text) > limits.document_bytes:
        reason = f"{len(text):,} characters of text: {too_large(limits)}"
        return Failure(document.id, reason, source=document.source)
    if "\0" in text:
        reason = f"holds a NUL character at {text.index(chr(0)):,}; no text has one: write the file again"
        return Failure(document.id, reason, source=document.source)
    for what, value in (("text", text), ("id", document.id), ("title", document.title), ("date", document.date)):
        if value is None or value.isascii():
            continue
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            reason = f"the {what} holds half a character (a lone surrogate) at {error.start:,}; write the file again"
            name = document.id.encode("utf-8", "replace").decode("utf-8")
            return Failure(name, reason, source=document.source)
    return document


def _read(
    source: Source, options: ReadOptions, unpacking: Unpacking | None, alive: Callable[[], None]
) -> Iterator[Document | Failure | Started]:
    """Read a file or a member of an archive; whatever goes wrong is an `EventRolesError` with one line."""
    is_empty = True
    for item in _read_items(source, options, unpacking, alive):
        is_empty = is_empty and isinstance(item, Started)
        yield item
    if is_empty:
        # Nobody looks for a file that left no trace, neither rows nor a failure.
        raise DataError("holds no document; leave it out, or look whether it is whole")


def _read_items(
    source: Source, options: ReadOptions, unpacking: Unpacking | None, alive: Callable[[], None]
) -> Iterator[Document | Failure | Started]:
    try:
        status = source.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError("not a regular file; copy what it holds into a file and name that")
        found = identify(source.path)
        if found.whole and status.st_size > options.limits.document_bytes:
            raise DataError(too_large(options.limits))
        if found.container:
            from ..readers.containers import read_container
            from ..readers.unpacking import Unpacking

            inner = Unpacking.of(source.path, options.limits, alive) if unpacking is None else unpacking
            yield from read_container(
                source, options, kind=found, unpacking=inner, read=lambda member: _read(member, options, inner, alive)
            )
            return
        module = importlib.import_module(f"..readers.{found.module}", __package__)
        is_long = not found.whole and status.st_size > options.limits.document_bytes
        with _telling_progress(alive) if is_long else nullcontext():
            for item in cast(_Reader, getattr(module, found.reader))(source, options):
                yield checked(item, options.limits) if isinstance(item, Document) else item
    except EventRolesError:
        raise
    except OSError as error:
        raise DataError(f"cannot be read: {explain(error)}") from error
    except MemoryError as error:
        raise DataError(too_much_memory(options.limits)) from error
    except Exception as error:
        # Addresses differ from run to run, and a ledger should not.
        what = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(f"{type(error).__name__}: {error}".split()))
        raise DataError(f"the file is damaged or hostile; get a whole copy, or leave it out ({what[:300]})") from error


@contextmanager
def _telling_progress(alive: Callable[[], None]) -> Iterator[None]:
    """Give signs of life while bytes are read: a large table may be gone through before its first row comes."""
    ended = threading.Event()

    def watch() -> None:
        before = _bytes_read()
        while not ended.wait(_BETWEEN_LOOKS):
            now = _bytes_read()
            if now - before > _PROGRESS:
                alive()
            before = now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _bytes_read() -> int:
    """Return how much this process has read so far, in bytes; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/io").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def too_much_memory(limits: Limits) -> str:
    """Return the message for a file that needs more memory than a reader may have."""
    return f"needed more than {limits.memory_bytes / (1 << 30):.1f} GB of memory; leave it out, or split it"


def is_too_large(path: Path, limits: Limits) -> bool:
    """Whether a file is surely refused for its size."""
    try:
        if path.stat().st_size <= limits.document_bytes or not path.is_file():
            return False
        with path.open("rb") as file:
            return not may_be_large(file.read(HEAD), path.suffix.lower())
    except OSError:
        return False


def too_large(limits: Limits) -> str:
    """Return the message for a document that is too large."""
    return f"larger than {limits.document_bytes / (1 << 20):,.0f} MiB, too much for one document; split it"

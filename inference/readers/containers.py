"""Archives and packed files: zip, tar, gzip and Zstandard, each member read like a file of its own."""

from __future__ import annotations

import gzip
import re
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath

from ...labels.errors import DataError, EventRolesError
from ..documents import Document, Failure, Limits, ReadOptions, Source, Started
from ..reading.formats import (
    BY_EXTENSION,
    GZIP,
    HEAD,
    TAR,
    ZIP,
    ZSTD,
    Format,
    count_zip_entries,
    extension,
    is_tar,
    may_be_large,
)
from .unpacking import Readable, SpentError, Unpacked, Unpacking, Zstandard

Item = Document | Failure | Started

_DEEPEST = 3  # archives in archives; people nest two
_CHUNK = 1 << 18  # bytes
_UNSAFE_NAME = re.compile(r"^/|^[A-Za-z]:|\\|(?:^|/)\.\.(?:/|$)|[\0-\x1f\x7f]")


_Open = Callable[[], AbstractContextManager[Readable]]


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive: its name there, how to read it, and why not if it cannot be read."""

    name: str
    open: _Open
    problem: str | None = None


def read_container(
    source: Source,
    options: ReadOptions,
    *,
    kind: Format,
    unpacking: Unpacking,
    read: Callable[[Source], Iterator[Item]],
) -> Iterator[Item]:
    """Read every member of an archive, or the one file in a packed file, in the order they have there.

    Members are unpacked one at a time to temporary files whose names are ours. Passed over is what would be in a
    folder: hidden files and unsupported formats. Damage is a `Failure` of stage ``unpack``; members before it are kept.

    Args:
        source: the archive.
        options: limits, and the members to leave alone.
        kind: what kind of archive it is.
        unpacking: what has been unpacked of the file so far.
        read: reads a member once it is a file.

    Raises:
        SpentError: an archive inside another holds too much; for the outermost one that is a `Failure`.
        EventRolesError: zstandard is not installed.
        OSError: the archive cannot be opened.
    """
    unpacking.depth += 1
    try:
        if unpacking.depth > _DEEPEST:
            yield Failure(
                source.id, f"more than {_DEEPEST} archives inside one another; unpack the outer ones", "unpack"
            )
        else:
            with ExitStack() as stack:
                yield from _read_members(source, options, kind, unpacking, read, stack)
    except SpentError as error:
        if unpacking.depth > 1:
            raise
        yield Failure(source.id, str(error), "unpack")
    except _DamageError as error:
        yield Failure(source.id, str(error), "unpack")
    finally:
        unpacking.depth -= 1


class _DamageError(Exception):
    """An archive that cannot be read on."""


def _read_members(
    source: Source,
    options: ReadOptions,
    kind: Format,
    unpacking: Unpacking,
    read: Callable[[Source], Iterator[Item]],
    stack: ExitStack,
) -> Iterator[Item]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eventroles-")))
    if kind is ZIP:
        members = _zip_members(source, unpacking, stack)
    else:
        stream = Unpacked(_open(source, kind, unpacking, stack), unpacking, counted=kind is not TAR)
        inner = _inner_extension(source.id)
        try:
            archived = kind is TAR or inner == ".tar" or is_tar(stream.peek(HEAD))
        except (EventRolesError, MemoryError):
            raise
        except Exception as error:
            raise _damage(error) from error
        if not archived:
            yield from _read_member(source.id, lambda: nullcontext(stream), folder / f"0{inner}", options, read)
            return
        members = _tar_members(stream, unpacking)
    times: Counter[str] = Counter()
    for number, member in enumerate(_guarded(members)):
        unpacking.count_member()
        ending = extension(member.name)
        if ending not in BY_EXTENSION:
            continue
        unsafe = _UNSAFE_NAME.search(member.name) is not None
        parts = PurePosixPath(member.name).parts
        if not unsafe and any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        name = f"{source.id}/{_printable(member.name) if unsafe else '/'.join(parts)}"
        times[name] += 1
        name += f"#{times[name]}" if times[name] > 1 else ""
        if unsafe:
            yield Failure(name, "its name leads out of the archive, or is none; pack it again", "unpack")
        elif member.problem is not None:
            yield Failure(name, member.problem, "unpack")
        elif name in options.avoid:
            yield Failure(name, "the reader crashed or ran out of time or memory on it; leave it out, or mend it")
        else:
            yield Started(name)
            yield from _read_member(name, member.open, folder / f"{number}{ending}", options, read)
            yield Started(source.id)


def _read_member(
    name: str, open_member: _Open, path: Path, options: ReadOptions, read: Callable[[Source], Iterator[Item]]
) -> Iterator[Item]:
    """Unpack a member to a file and read that; only what spends the whole archive goes further up."""
    try:
        problem = _unpack(open_member, path, options.limits)
        if problem is not None:
            yield Failure(name, problem, "unpack")
        else:
            yield from _without_raising(name, read(Source(path, name)))
    finally:
        path.unlink(missing_ok=True)


def _without_raising(name: str, items: Iterator[Item]) -> Iterator[Item]:
    try:
        yield from items
    except SpentError:
        raise
    except EventRolesError as error:
        yield Failure(name, str(error))


def _unpack(open_member: _Open, path: Path, limits: Limits) -> str | None:
    """Write a member to a file; return what is wrong with it.

    Raises:
        SpentError: the archive grows too large with it.
    """
    try:
        with open_member() as stream, path.open("wb", buffering=0) as file:
            return _copy(stream, file, path.suffix, limits)
    except (SpentError, MemoryError):
        raise
    except EventRolesError as error:
        return str(error)
    except Exception as error:
        return str(_damage(error))


def _copy(stream: Readable, file: FileIO, ending: str, limits: Limits) -> str | None:
    size = 0
    head = b""
    while data := stream.read(_CHUNK):
        head = head or data[:HEAD]
        # The archive's word on sizes may be a lie. Only here it matters what the member is.
        if size <= limits.document_bytes < size + len(data) and not may_be_large(head, ending):
            return f"larger than {limits.document_bytes / (1 << 20):,.0f} MiB, too much for one document; split it"
        size += len(data)
        try:
            file.write(data)
        except OSError as error:
            return f"cannot be unpacked into {tempfile.gettempdir()}: {error.strerror}; make room there"
    return None


def _open(source: Source, kind: Format, unpacking: Unpacking, stack: ExitStack) -> Readable:
    file = stack.enter_context(source.path.open("rb"))
    if kind is TAR:
        return file
    if kind is GZIP:
        return stack.enter_context(gzip.GzipFile(fileobj=file))
    return Zstandard(file, unpacking.limits)


def _zip_members(source: Source, unpacking: Unpacking, stack: ExitStack) -> Iterator[_Member]:
    unpacking.expect_members(count_zip_entries(source.path))
    archive = stack.enter_context(zipfile.ZipFile(source.path))
    for info in archive.infolist():
        if info.is_dir():
            unpacking.count_member()
            continue
        problem = "password-protected; unpack it with its password" if info.flag_bits & 0x1 else None
        mode = info.external_attr >> 16
        if problem is None and mode & 0o170000 == 0o120000:
            problem = "a link; pack the file that it leads to"
        yield _Member(_zip_name(info), partial(_open_zipped, archive, info, unpacking), problem)


@contextmanager
def _open_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, unpacking: Unpacking) -> Iterator[Readable]:
    with archive.open(info) as file:
        yield Unpacked(file, unpacking)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; without the mark for UTF-8 it may be UTF-8 all the same, as many programs forget it."""
    name = info.orig_filename.partition("\0")[0]
    if info.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


class _Header(tarfile.TarInfo):
    """The header of a tar member; a damaged one is an error, where tarfile takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}, where a member or the end mark was expected") from None


def _tar_members(stream: Unpacked, unpacking: Unpacking) -> Iterator[_Member]:
    # Read as a stream: a packed archive cannot be gone back in.
    with tarfile.open(
        fileobj=stream,
        mode="r|",
        tarinfo=_Header,
        encoding="utf-8",
        errors="surrogateescape",  # type: ignore[call-overload]
    ) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # it keeps them all, and there can be a million
            if info.isdir():
                unpacking.count_member()
                continue
            problem = None
            if not info.isreg():
                problem = (
                    "a link; pack the file that it leads to" if info.islnk() or info.issym() else "no regular file"
                )
            name = info.name
            try:
                name.encode("utf-8")
            except UnicodeEncodeError:
                name = name.encode("utf-8", "surrogateescape").decode("latin-1")
            yield _Member(name, partial(_open_tarred, archive, info, unpacking), problem)
    while stream.read(_CHUNK):
        pass  # the checksum of what the archive is packed in stands behind its end


@contextmanager
def _open_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo, unpacking: Unpacking) -> Iterator[Readable]:
    file = archive.extractfile(info)
    if file is None:
        raise DataError("no regular file")
    # What is packed was counted as it was unpacked; only a file with holes grows once more.
    yield Unpacked(file, unpacking, counted=info.issparse())


def _guarded(members: Iterator[_Member]) -> Iterator[_Member]:
    """Pass members on; an archive that breaks off is a `_DamageError`, whatever the library calls it."""
    try:
        yield from members
    except (EventRolesError, MemoryError):
        raise
    except Exception as error:
        raise _damage(error) from error


def _damage(error: Exception) -> _DamageError:
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, NotImplementedError):
        return _DamageError(f"packed in a way that cannot be read here; pack it again as usual ({what})")
    return _DamageError(f"damaged; get a whole copy ({what})")


def _inner_extension(name: str) -> str:
    """Return the extension of what a packed file holds, by the name of the packed file."""
    ending = extension(name)
    if ending == ".tgz":
        return ".tar"
    return extension(name[: -len(ending)]) if ending in (*GZIP.extensions, *ZSTD.extensions) else ending


def _printable(name: str) -> str:
    return re.sub(r"[\0-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", name)

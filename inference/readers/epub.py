"""E-books in EPUB: a document from each chapter, in reading order."""

from __future__ import annotations

import hashlib
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote

from ...labels.errors import DataError
from ..documents import Document, Failure, ReadOptions, Source
from .news_xml import parse_xml
from .web import NO_TEXT, declared_encoding, decode, iso_date, local_name, parse_html, text_of

# What zipfile and zlib raise on broken archives.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, IndexError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError),
)
# What hides fonts from copying, and nothing else.
_FONTS_ONLY = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
_HEADINGS = ("h1", "h2", "h3")
_CHUNK = 1 << 20  # bytes
_FREE = 1 << 30  # bytes that any book may grow to
_ENCRYPTED = "encrypted: the book is protected against reading; open it where it was bought and save it unprotected"


@dataclass(frozen=True, slots=True)
class _Book:
    title: str | None
    date: str | None
    metadata: dict[str, Any]
    chapters: tuple[str, ...]


def read_epub(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each chapter with text, called ``book/chapter file``; covers and contents give none.

    Nothing is unpacked to the disk, and no chapter beyond ``options.limits`` into memory.

    Raises:
        DataError: the file is no EPUB, damaged, encrypted, too large, or without any text.
        EventRolesError: lxml is not installed.
        OSError: the file cannot be opened.
    """
    with source.path.open("rb") as file:
        sha256 = _sha256(file)
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGED as error:
            raise DataError(f"not an EPUB: no readable zip archive ({_line(error)}); fetch it again") from error
        with archive:
            yield from _chapters(_Entries(archive, options, size=source.path.stat().st_size), source.id, sha256)


def _chapters(entries: _Entries, name: str, sha256: str) -> Iterator[Document | Failure]:
    book = _open_book(entries)
    metadata = {**({"book": book.title} if book.title else {}), **book.metadata}
    told = False
    for chapter in book.chapters:
        document = f"{name}/{chapter}"
        try:
            found = _chapter(entries.read(chapter), document)
        except DataError as error:
            told = True
            yield Failure(document, str(error))
            if entries.left <= 0:
                return  # the others would say the same
            continue
        if found.text:
            told = True
            yield Document(document, sha256, found.text, "", found.heading or book.title, book.date, metadata)
    if not told:
        raise DataError("a book without text, of pictures perhaps; convert it with text recognition (OCR)")


class _Entries:
    """The files in a book, read within the limits: what a zip says of their sizes may be a lie."""

    def __init__(self, archive: zipfile.ZipFile, options: ReadOptions, *, size: int) -> None:
        self._archive = archive
        self._most = options.limits.document_bytes
        self._names = frozenset(archive.namelist())
        self.left = max(_FREE, size * options.limits.expansion)  # bytes
        if len(archive.infolist()) > options.limits.members:
            found = f"{len(archive.infolist()):,} files, over the limit of {options.limits.members:,}"
            raise DataError(f"{found}; unpack the book and save its chapters on their own")

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def read(self, name: str) -> bytes:
        """Return the bytes of an entry.

        Raises:
            DataError: it is not there, damaged, encrypted or too large.
        """
        try:
            entry = self._archive.getinfo(name)
        except KeyError as error:
            raise DataError(f"{name} is missing in the book; fetch the book again") from error
        if entry.flag_bits & 0x1:
            raise DataError(_ENCRYPTED)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # the others expand without bound
            raise DataError(f"{name} is compressed in a way that EPUB does not allow; save the book again")
        most = max(0, min(self._most, self.left))
        parts: list[bytes] = []
        size = 0
        try:
            with self._archive.open(entry) as file:
                while part := file.read(min(_CHUNK, most + 1 - size)):
                    parts.append(part)
                    size += len(part)
                    if size > most:
                        raise DataError(f"{name} expands to more than {most:,} bytes; split it, or raise the limit")
        except _DAMAGED as error:
            raise DataError(f"{name} is damaged ({_line(error)}); fetch the book again") from error
        finally:
            self.left -= size
        return b"".join(parts)


def _open_book(entries: _Entries) -> _Book:
    """Return what the package file of a book says."""
    if "META-INF/encryption.xml" in entries:
        methods = parse_xml(entries.read("META-INF/encryption.xml")).iter("{*}EncryptionMethod")
        if any(method.get("Algorithm") not in _FONTS_ONLY for method in methods):
            raise DataError(_ENCRYPTED)
    if "META-INF/container.xml" not in entries:
        raise DataError("not an EPUB: a zip archive without META-INF/container.xml; unpack it, or name it .zip")
    container = parse_xml(entries.read("META-INF/container.xml"))
    package_file = next((path for file in container.iter("{*}rootfile") if (path := file.get("full-path"))), None)
    if package_file is None:
        raise DataError("META-INF/container.xml names no package file; save the book again")
    package = parse_xml(entries.read(package_file))
    files: dict[str, str] = {}
    for item in package.iter("{*}item"):
        kind, href = item.get("media-type") or "", item.get("href")
        if href and kind in _CHAPTERS and "nav" not in (item.get("properties") or "").split():
            path = posixpath.join(posixpath.dirname(package_file), unquote(href.split("#")[0]))
            files[item.get("id") or ""] = posixpath.normpath(path)
    chapters = dict.fromkeys(files[name] for item in package.iter("{*}itemref") if (name := item.get("idref")) in files)
    if not chapters:
        raise DataError(f"{package_file} names no chapters in its spine; save the book again")
    metadata = {
        "author": "; ".join(_all(package, "creator")),
        "language": "; ".join(_all(package, "language")),
        "publisher": "; ".join(_all(package, "publisher")),
        "identifier": next(iter(_all(package, "identifier")), None),
        "subjects": _all(package, "subject"),
    }
    return _Book(
        title=next(iter(_all(package, "title")), None),
        date=next((iso_date(date) for date in _all(package, "date")), None),
        metadata={name: value for name, value in metadata.items() if value},
        chapters=tuple(chapters),
    )


def _all(package: Any, name: str) -> list[str]:
    """Return the texts of the metadata elements of a name."""
    texts = (" ".join(text_of(element).split()) for element in package.iter(f"{{*}}{name}"))
    return [text for text in texts if text]


@dataclass(frozen=True, slots=True)
class _Chapter:
    text: str
    heading: str | None


def _chapter(data: bytes, name: str) -> _Chapter:
    """Return a chapter; one that is not the XHTML it ought to be is read as HTML."""
    try:
        root = parse_xml(data)
    except DataError:
        root = parse_html(decode(data, declared_encoding(data), name=name))
    headings = (element for element in root.iter() if local_name(element) in _HEADINGS)
    heading = next((line for element in headings if (line := " ".join(text_of(element).split()))), None)
    return _Chapter(text_of(root, skip=NO_TEXT), heading)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while part := file.read(_CHUNK):
        digest.update(part)
    return digest.hexdigest()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

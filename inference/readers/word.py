"""Word files (.docx): the text of their paragraphs and tables as it stands when changes are accepted."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, Failure, ReadOptions, Source

_OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # the container of old Office files and of encrypted new ones
_CHUNK = 1 << 20  # bytes
_UNPACKED = 2  # times the limit of a document: its XML is wordy
_MOST_PARTS = 10_000
# Pictures, fonts and files inside the document: large, never read, but python-docx would load them.
_NO_TEXT = ("word/media/", "word/embeddings/", "word/fonts/", "docProps/thumbnail")
# The package format forbids DTDs, where entities are declared that grow without end. In UTF-8 and UTF-16.
_DTD = re.compile(rb"<!DOCTYPE|<\0!\0D\0O\0C\0T\0Y\0P\0E")

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
# Deleted text, the old place of moved text, and a drawing told a second time for old programs.
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_MC}Fallback"})
_CHARACTERS = {f"{_W}tab": "\t", f"{_W}ptab": "\t", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}


def read_docx(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a file as one document: paragraphs and table rows, their cells parted by tabs, with a blank line between.

    Headers, footers, notes, comments and deleted text are left out; inserted text, links and text boxes are kept.

    Raises:
        DataError: the file is damaged, has a password, is no .docx or would grow too large.
        EventRolesError: python-docx is not installed.
        OSError: the file cannot be opened.
    """
    docx = require("docx", extra="formats")
    data = source.path.read_bytes()
    if data.startswith(_OLE):
        raise DataError("password-protected or an old .doc: save as .docx without a password")
    package = _repack(data, most=options.limits.document_bytes * _UNPACKED)
    try:
        file = docx.Document(package)
        text = "\n\n".join(_paragraphs(file.element.body))
        properties = _properties(file.part.package)
    except MemoryError:
        raise
    except Exception as error:
        # python-docx takes a file to be sound. Where one is not it raises anything, with words of its insides.
        raise DataError("not a whole .docx file, or another kind of Office file; save it again as .docx") from error
    title, date = properties.pop("title", None), properties.pop("created", None)
    yield Document(source.id, hashlib.sha256(data).hexdigest(), text, title=title, date=date, metadata=properties)


def _repack(data: bytes, *, most: int) -> io.BytesIO:
    """Return the package with its parts uncompressed and pictures emptied.

    The sizes that a ZIP file states can be lies: what comes out is counted as it comes, and only that is read on.

    Raises:
        DataError: it is no ZIP file, is damaged, holds a DTD, or more than ``most`` bytes come out of it.
    """
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(packed, "w") as target:
            members = {member.filename: member for member in source.infolist()}  # of two by one name the last counts
            if len(members) > _MOST_PARTS:
                raise DataError(f"has {len(members):,} parts; a Word file has some dozens: save it again")
            for name, member in members.items():
                content = b"" if name.startswith(_NO_TEXT) else _unpack(source, member, most=most)
                most -= len(content)
                if name.endswith((".xml", ".rels")) and _DTD.search(content):
                    raise DataError(f"{name!r} in it declares entities, which no Word file does; do not trust it")
                target.writestr(zipfile.ZipInfo(name), content)
    # RuntimeError: a member has a password; the others are what zipfile raises for damage in one place or another.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"not a readable .docx file ({reason}); save it again as .docx") from error
    packed.seek(0)
    return packed


def _unpack(source: zipfile.ZipFile, member: zipfile.ZipInfo, *, most: int) -> bytes:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The others cannot be stopped midway.
        raise DataError(f"{member.filename!r} in it is packed in a way no Word file is; save it again as .docx")
    content = bytearray()
    with source.open(member) as part:
        while chunk := part.read(_CHUNK):
            content += chunk
            if len(content) > most:
                raise DataError("grows too large when it is unpacked; split it, or do not trust it")
    return bytes(content)


def _paragraphs(body: Any) -> list[str]:
    """Return the paragraphs and table rows that hold something, in document order."""
    etree = require("lxml.etree", extra="formats")
    written: list[str] = []
    boxes: list[str] = []  # the text of boxes, to stand behind the paragraph that they hang on
    # What is being put together, innermost last: a paragraph of pieces in a cell of paragraphs in a row of cells.
    open_parts: list[list[str]] = [written]
    opening = {f"{_W}p", f"{_W}tr", f"{_W}tc", f"{_W}txbxContent"}
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if tag in _SKIPPED:
                walk.skip_subtree()
            elif tag in opening:
                open_parts.append([])
            elif element.getparent() is not None and element.getparent().tag == f"{_W}r":
                open_parts[-1].append(_characters(element))
        elif tag in opening:
            parts = open_parts.pop()
            if tag == f"{_W}txbxContent":
                boxes += parts
            elif tag == f"{_W}tc":
                open_parts[-1].append(" ".join(part.strip() for part in parts if part.strip()))
            else:
                open_parts[-1].append("".join(parts) if tag == f"{_W}p" else "\t".join(parts))
            if open_parts[-1] is written:
                written += boxes
                boxes.clear()
    return [text for part in written if (text := part.strip())]


def _characters(element: Any) -> str:
    if element.tag == f"{_W}t":
        return element.text or ""
    if element.tag == f"{_W}br":
        return "\n" if element.get(f"{_W}type") in (None, "textWrapping") else ""
    return _CHARACTERS.get(element.tag, "")


def _properties(package: Any) -> dict[str, str]:
    """Return the core properties that have a value; ``created`` and ``modified`` in ISO 8601."""
    kinds = require("docx.opc.constants", extra="formats").RELATIONSHIP_TYPE
    try:
        # Not package.core_properties: where there are none, it makes some up.
        core = package.part_related_by(kinds.CORE_PROPERTIES).core_properties
    except KeyError:
        return {}
    found: dict[str, str] = {}
    for name in ("title", "author", "subject", "keywords", "category", "language"):
        if value := " ".join(getattr(core, name).split()):
            found[name] = value
    for name in ("created", "modified"):
        try:
            date = getattr(core, name)
        except (OverflowError, TypeError):  # TypeError: python-docx parses an empty element as if it had text
            continue
        if date is not None:
            found[name] = date.isoformat()
    return found

"""PDF files: the text of their pages put together, without what repeats on every page."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, Failure, Limits, ReadOptions, Source

logger = logging.getLogger(__name__)

_PDFIUM = threading.Lock()  # pdfium is not safe to call from two threads, not even for two files
_WRONG_PASSWORD, _UNKNOWN_SECURITY = 4, 5  # error codes of pdfium
_PAGE = 1024  # bytes: what a page at least stands for, so that a page tree that names one page a billion times ends
_FEWEST_REPEATS = 3  # pages
_LINES_OF_A_HEADER = 3
# What pdfium writes for the hyphen and the line end inside a word that was broken at the line end.
_BROKEN_WORD = re.compile("[\ufffe\x02]")
_BROKEN_AT_PAGE_END = re.compile("(?<=[^\\W\\d_])[-\u2010\u00ad]$")
_TERMINAL = re.compile("[.!?…:;。！？؟۔।][\"'”’»)\\]]*$")
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?)?\s*(?:Z|([+-])(\d\d)'?(\d\d)?'?)?[0']*")
_INFO = {"Author": "author", "Subject": "subject", "Keywords": "keywords", "Creator": "creator", "Producer": "producer"}


@dataclass(frozen=True, slots=True)
class _Content:
    """What pdfium says of a file.

    Attributes:
        pages: the text of each page.
        unreadable: numbers of the pages that are damaged, from 1.
        info: the document information, by the names of the format.
    """

    pages: tuple[str, ...]
    unreadable: tuple[int, ...]
    info: dict[str, str]


def read_pdf(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a file as one document; ``metadata`` has its pages, and which of them gave no text.

    Raises:
        DataError: the file is damaged, has a password or no text, or is too large.
        EventRolesError: pypdfium2 is not installed.
        OSError: the file cannot be opened.
    """
    data = source.path.read_bytes()
    with _PDFIUM:
        content = _extract(data, options.limits)
    text = _join(_without_repeats([_lines(page) for page in content.pages]))
    pages = len(content.pages)
    if not text:
        if content.unreadable:
            raise DataError(f"none of its pages can be read ({pages:,} tried); the file is damaged: get it again")
        raise DataError(f"has no text layer ({pages:,} page{'s' * (pages != 1)} of images); run OCR first")
    if content.unreadable:
        logger.warning("%s: %s of %s pages are damaged and left out", source.id, len(content.unreadable), pages)
    metadata: dict[str, Any] = {name: content.info[key] for key, name in _INFO.items() if key in content.info}
    if "ModDate" in content.info:
        metadata["modified"] = _iso(content.info["ModDate"])
    metadata["pages"] = pages
    if empty := sum(not page.strip() for page in content.pages) - len(content.unreadable):
        metadata["pages_without_text"] = empty
    if content.unreadable:
        metadata["unreadable_pages"] = list(content.unreadable)
    date = content.info.get("CreationDate")
    yield Document(
        source.id,
        hashlib.sha256(data).hexdigest(),
        text,
        title=content.info.get("Title"),
        date=None if date is None else _iso(date),
        metadata=metadata,
    )


def _extract(data: bytes, limits: Limits) -> _Content:
    pdfium = require("pypdfium2", extra="formats")
    try:
        file = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code == _WRONG_PASSWORD:
            raise DataError("is password-protected; save it without a password") from error
        if error.err_code == _UNKNOWN_SECURITY:
            raise DataError("is protected in a way that cannot be read; print or save it without protection") from error
        raise DataError("not a readable PDF file: it is damaged, cut off or something else; get it again") from error
    with file:
        number = len(file)
        if number > limits.document_bytes // _PAGE:
            raise DataError(f"has {number:,} pages, more than a document of its limit holds; split it")
        pages: list[str] = []
        unreadable: list[int] = []
        left = limits.document_bytes
        for index in range(number):
            try:
                pages.append(_page_text(file, index, most=left))
            except pdfium.PdfiumError:
                unreadable.append(index + 1)
                pages.append("")
            left -= len(pages[-1])
        return _Content(tuple(pages), tuple(unreadable), _info(file))


def _info(file: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in ("Title", "CreationDate", "ModDate", *_INFO):
        # UnicodeDecodeError: half of a letter beyond 16 bits; the text is not to be lost for that
        with suppress(UnicodeDecodeError):
            if value := " ".join(file.get_metadata_value(key).replace("\0", "").split()):
                found[key] = value
    return found


def _page_text(file: Any, index: int, *, most: int) -> str:
    page = file[index]
    try:
        text_page = page.get_textpage()
        try:
            if text_page.count_chars() > most:
                raise DataError("holds more text than a document may; split it, or raise the limit")
            try:
                text = text_page.get_text_range()
            except (AssertionError, RecursionError):  # it steps over characters without text one call deeper each
                text = text_page.get_text_bounded()
        finally:
            text_page.close()
    finally:
        page.close()
    return str(text)


def _lines(page: str) -> list[str]:
    """Return the lines of a page that hold something; a word broken at a line end is whole again."""
    parts = _BROKEN_WORD.split(page.replace("\0", ""))
    whole = parts[0]
    for part in parts[1:]:
        # The hyphen of "Anglo-\nSaxon" belongs to the word, that of "hos-\npital" does not.
        whole += part if part[:1].islower() or _is_uncased(part[:1]) else f"-{part}"
    return [line.strip() for line in whole.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]


def _without_repeats(pages: list[list[str]]) -> list[list[str]]:
    """Drop first and last lines that are, but for their digits, the same on most pages: headers, footers, numbers."""
    kept = pages
    for _ in range(_LINES_OF_A_HEADER):
        before = kept
        for end in (0, -1):
            # A page of one line says nothing: that may be its text.
            seen = Counter(_pattern(page[end]) for page in kept if len(page) > 1)
            of = sum(map(bool, kept))
            repeated = {line for line, times in seen.items() if times >= _FEWEST_REPEATS and times * 2 > of}
            kept = [_drop(page, end) if page and _pattern(page[end]) in repeated else page for page in kept]
        if kept == before:
            break
    return kept


def _drop(page: list[str], end: int) -> list[str]:
    return page[1:] if end == 0 else page[:-1]


def _pattern(line: str) -> str:
    return re.sub(r"\d+", "0", " ".join(line.split()))


def _join(pages: Sequence[Sequence[str]]) -> str:
    """Put pages together: a sentence that runs over the end of one stays one."""
    # Pieces, not one growing text: a file can have thousands of pages.
    pieces: list[str] = []
    for page in pages:
        if not page:
            continue
        if pieces:
            last, first = pieces.pop(), page[0]
            if _BROKEN_AT_PAGE_END.search(last) and first[:1].islower():
                pieces.append(last[:-1])
            elif _TERMINAL.search(last):
                pieces += [last, "\n\n"]
            else:
                # Else it may be a headline: whether the line goes on is for the sentence rules to say.
                pieces += [last, " " if first[:1].islower() or last.endswith(",") else "\n"]
        for line in page[:-1]:
            pieces += [line, "\n"]
        pieces.append(page[-1])
    return "".join(pieces)


def _is_uncased(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def _iso(date: str) -> str:
    """Return a date like ``D:20260102030405+02'00'`` in ISO 8601, as exact as it is; what is none stays as it is."""
    match = _DATE.fullmatch(date)
    if match is None:
        return date
    year, month, day, hour, minute, second, sign, ahead, ahead_minutes = match.groups()
    zone = f"{sign}{ahead}:{ahead_minutes or '00'}" if sign else "+00:00" if "Z" in date else ""
    written = "-".join(part for part in (year, month, day) if part)
    if hour:
        written += f"T{hour}:{minute or '00'}:{second or '00'}{zone}"
    try:
        datetime.fromisoformat(written if day else f"{year}-{month or '01'}-01")
    except ValueError:
        return date
    return written

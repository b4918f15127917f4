"""Rich Text Format: the text of a file without its formatting."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, Failure, ReadOptions, Source

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\\rtf")
_CODE_PAGE = re.compile(rb"\\ansicpg(\d{1,5})")
_STATED_CODE_PAGE = re.compile(r"\\ansicpg-?\d*")
_ESCAPED_OR_BRACE = re.compile(r"\\[\\{}]|[{}]")
_DEEPEST = 10_000  # groups; each takes memory, and Word writes some dozens
_HEAD = 65_536  # characters: the title and the author stand near the top

# A picture written out in hex digits: read letter by letter it takes seconds, and no prose has such a run.
_PICTURE = re.compile(r"[0-9a-fA-F]{64}[0-9a-fA-F\s]{256,}")
_FIELD = re.compile(r"\\fldinst\{", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\\\\|\\par(?![a-zA-Z0-9-])")
_FONT = re.compile(r"\\f(\d{1,5})(?!\d)")
_CHARSET = re.compile(r"\\fcharset(\d{1,3})(?!\d)")

_INFO = re.compile(r"\{\\info\b")
_CREATED = re.compile(r"\{\\creatim((?:\\[a-z]+\d{1,4}\s?){3,7})\}")
_NAMES = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords", "company": "company"}


def read_rtf(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:  # noqa: ARG001  as all readers
    """Read a file as one document; links keep their text without the address.

    Raises:
        DataError: the file is no RTF, is cut off or damaged.
        EventRolesError: striprtf is not installed.
        OSError: the file cannot be opened.
    """
    striprtf = require("striprtf.striprtf", extra="formats")
    data = source.path.read_bytes()
    if not _START.match(data):
        raise DataError("not an RTF file (does not begin with {\\rtf); give it the extension of what it is")
    encoding = _encoding(data)
    # Letters beyond ASCII should be escaped, but some programs write them as they are.
    written = data.decode(encoding, "replace")
    _check_groups(written)
    try:
        text = _to_text(striprtf, _tame(striprtf, written, encoding), encoding)
        info = _info(striprtf, written, encoding)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # striprtf believes every number that a file states.
        raise DataError(
            f"damaged RTF ({' '.join(str(error).split())}); open it in a word processor and save it"
        ) from error
    title, created = info.pop("title", None), info.pop("created", None)
    yield Document(source.id, hashlib.sha256(data).hexdigest(), text, title=title, date=created, metadata=info)


def _encoding(data: bytes) -> str:
    match = _CODE_PAGE.search(data[:_HEAD])
    if match is None:
        return "cp1252"
    name = f"cp{int(match.group(1))}"
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name


def _check_groups(text: str) -> None:
    """Raise for groups that are nested without sense or not all closed."""
    depth = 0
    for match in _ESCAPED_OR_BRACE.finditer(text):
        found = match.group()
        if found == "{":
            depth += 1
            if depth > _DEEPEST:
                raise DataError(f"groups nested more than {_DEEPEST:,} deep: no RTF that a program wrote")
        elif found == "}":
            depth -= 1
            if depth == 0:
                return  # what follows the outermost group is no part of it
    if "\\bin" not in text:  # data as it stands can hold braces
        raise DataError("ends inside a group, so it is cut off; get it again, or save it again as RTF")


def _tame(striprtf: Any, text: str, encoding: str) -> str:
    """Return the text without what striprtf would take quadratic time or longer over, with paragraphs parted."""
    text = _PICTURE.sub("", text)
    # A code page that Python has not would be taken for UTF-8, and every letter beyond ASCII be lost.
    text = _STATED_CODE_PAGE.sub(rf"\\ansicpg{encoding.removeprefix('cp')}", text)
    fonts = striprtf.font_table_group(text)
    if fonts:
        text = text.replace(fonts, _plain_fonts(striprtf, fonts), 1)
    # A space behind the word changes nothing, but it hides links from a pattern that backtracks without bound.
    text = _FIELD.sub(r"\\fldinst {", text)
    # A blank line: a line end alone could be one of hard wrapping.
    return _PARAGRAPH.sub(lambda match: match.group() * (1 if match.group() == "\\\\" else 2), text)


def _plain_fonts(striprtf: Any, fonts: str) -> str:
    """Return the font table with nothing but numbers and character sets, those that Python knows."""
    kept: dict[str, str] = {}
    for entry in fonts.split(";"):
        font, charset = _FONT.search(entry), _CHARSET.search(entry)
        if font is None or charset is None:
            continue
        try:
            codecs.lookup(striprtf.charset_map.get(int(charset.group(1)), "ascii"))
        except LookupError:
            continue
        kept[font.group(1)] = charset.group(1)
    return "{\\fonttbl" + "".join(f"{{\\f{font}\\fcharset{charset} x;}}" for font, charset in kept.items()) + "}"


def _to_text(striprtf: Any, text: str, encoding: str) -> str:
    plain = str(striprtf.rtf_to_text(text, encoding=encoding, errors="replace"))
    # Letters beyond 65,535 are written as two halves.
    plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return re.sub(r"\n{3,}", "\n\n", plain).strip()


def _info(striprtf: Any, text: str, encoding: str) -> dict[str, str]:
    """Return what the file says of itself, where it says it simply."""
    start = _INFO.search(text, 0, _HEAD)
    if start is None:
        return {}
    head = text[start.start() : start.start() + _HEAD]
    found: dict[str, str] = {}
    for word, name in _NAMES.items():
        match = re.search(rf"\{{\\{word} ((?:[^{{}}\\]|\\.){{1,2000}})\}}", head)
        if match and (value := " ".join(_to_text(striprtf, f"{{\\rtf1 {match.group(1)}}}", encoding).split())):
            found[name] = value
    if created := _CREATED.search(head):
        found |= _date(created.group(1))
    return found


def _date(words: str) -> dict[str, str]:
    parts = {word: int(number) for word, number in re.findall(r"\\([a-z]+)(\d+)", words)}
    if not {"yr", "mo", "dy"} <= parts.keys():
        return {}
    try:
        day = date(parts["yr"], parts["mo"], parts["dy"])
        if not {"hr", "min"} <= parts.keys():
            return {"created": day.isoformat()}
        at = time(parts["hr"], parts["min"], parts.get("sec", 0))
    except ValueError:
        return {}
    return {"created": datetime.combine(day, at).isoformat()}

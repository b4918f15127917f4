"""Web pages: the article without its surroundings, and the whole text of any HTML for the formats that hold it."""

from __future__ import annotations

import codecs
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, ReadOptions, Source
from .text import find_encoding

_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)|<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.I
)
_HEAD = 4096  # bytes; browsers look for the declaration in the first 1,024
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

# What pages and mails call their encoding, and the superset of it that browsers take it for.
_BROADER = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "big5": "big5hkscs",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    # A declaration that can be read as ASCII does not stand in UTF-16.
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
    "utf-8-sig": "utf-8",
}
# Codecs of Python that no page means, or that are slow on hostile bytes.
_NO_ENCODING = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_MOST_BAD = 0.1  # of the characters beyond ASCII


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# lb, cell, list, item, row and quote are trafilatura's.
_BREAKS = _names("br lb")
_CELLS = _names("td th cell")
_BLOCKS = _names(
    "address article aside bl block blockquote body body.content bq caption center datasource dd details dir div dl dt"
    " fieldset figcaption figure fn footer form graphic h1 h2 h3 h4 h5 h6 head header hl1 hl2 hr html item legend li"
    " list main media menu nav nitf-table note ol option p pre quote row section summary table tbody tfoot thead tr ul"
)
NO_TEXT = _names("head iframe noscript object script select style svg template textarea title")
_AROUND_THE_TEXT = NO_TEXT | _names("aside button footer form header menu nav")
# trafilatura takes them where a page has little else.
_PRUNED = ["//nav", "//footer", "//aside", "//menu", "//header[not(.//h1 or ancestor::article or ancestor::main)]"]
_HIDDEN = re.compile(r"display\s*:\s*none", re.I)

_ISO_DATE = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?", re.I | re.A
)


def read_html(source: Source, options: ReadOptions) -> Iterator[Document]:  # noqa: ARG001  the shape of all readers
    """Read the article of a page; of a page where none is found, all text outside navigation, headers and footers.

    Raises:
        DataError: the page is binary, has no text or is nested too deeply.
        EventRolesError: trafilatura or lxml is not installed.
        OSError: the file cannot be opened.
    """
    trafilatura = require("trafilatura", extra="formats")
    for name in ("trafilatura", "htmldate", "courlan"):  # they log every page that is not to their liking
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    data = source.path.read_bytes()
    page = decode(data, declared_encoding(data), name=source.id)
    root = parse_html(page)
    language, published = root.get("lang"), _published(root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dateutil warns of time zones that it does not know
            found = trafilatura.bare_extraction(
                root,
                include_comments=False,
                with_metadata=True,
                prune_xpath=_PRUNED,
                # Only dates of the markup: any year in the text would do for an extensive search.
                date_extraction_params={"original_date": True, "extensive_search": False},
            )
        text = text_of(found.body, keep_lines=True) if found else ""
    except (RecursionError, AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        found, text = None, ""  # its rules trip over a page now and then: then no article is found
    text = text or text_of(parse_html(page), skip=_AROUND_THE_TEXT)  # once more: the rules cut the tree
    if not text:
        raise DataError("no text on this page outside scripts and navigation; save the page once it is fully loaded")
    metadata = {
        "author": found and found.author,
        "url": found and found.url,
        "site": found and found.sitename,
        "language": language,
        "description": found and found.description,
        "categories": found and found.categories,
        "tags": found and found.tags,
    }
    yield Document(
        source.id,
        hashlib.sha256(data).hexdigest(),
        text,
        title=(found and found.title) or None,
        date=published or (found and found.date) or None,
        metadata={name: value for name, value in metadata.items() if value},
    )


def html_to_text(html: str) -> str:
    """Return all the text of a page or a part of one: paragraphs with a blank line between, cells with a tab.

    Raises:
        DataError: elements are nested too deeply.
        EventRolesError: lxml is not installed.
    """
    return text_of(parse_html(html), skip=NO_TEXT)


def parse_html(page: str) -> Any:
    """Return the root of a page, which may be a part of one or no HTML at all.

    Raises:
        DataError: elements are nested too deeply.
        EventRolesError: lxml is not installed.
    """
    html = require("lxml.html", extra="formats")
    etree = require("lxml.etree", extra="formats")
    # huge_tree: 2,048 levels in place of 256, which tags that nobody closed add up to.
    options = {"encoding": "utf-8", "huge_tree": True, "remove_comments": True, "remove_pis": True}
    parser = html.HTMLParser(default_doctype=False, collect_ids=False, **options)
    try:
        # As bytes, for text with a declaration of its encoding is refused.
        root = html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):  # neither a tag nor a word
        return html.document_fromstring("<html><body></body></html>")
    if any("depth" in entry.message for entry in parser.error_log):  # what comes behind is lost
        raise DataError("elements nested more than 2,000 deep, which no page for people is; convert it to text")
    return root


def text_of(root: Any, *, skip: frozenset[str] = frozenset(), keep_lines: bool = False) -> str:
    """Return the text of an lxml element, of HTML, NITF or what trafilatura makes of a page.

    Args:
        root: the element, whose tail is not taken.
        skip: local names of elements to leave out.
        keep_lines: whether line ends in the text are the text's own and not the markup's.
    """
    etree = require("lxml.etree", extra="formats")
    text = _Text()
    verbatim = int(keep_lines)
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))  # no recursion: pages can be deep
    for event, element in walk:
        name = local_name(element)
        verbatim += (name == "pre") * (1 if event == "start" else -1)
        text.begin_or_end(name, begin=event == "start")
        if event != "start":
            if element is not root:
                text.add(element.tail or "", verbatim=verbatim > 0)
        elif name in skip or _HIDDEN.search(element.get("style") or ""):
            walk.skip_subtree()
        else:
            text.add(element.text or "", verbatim=verbatim > 0)
    return text.whole()


def local_name(element: Any) -> str:
    """Return the name of an element without its namespace, in lower case; of a comment and the like, nothing."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that a page or an XML file says it has."""
    found = _DECLARED.search(data[:_HEAD])
    return (found[1] or found[2]).decode("ascii", "replace") if found else None


def decode(data: bytes, declared: str | None, *, name: str) -> str:
    """Return the text of bytes by their byte order mark, else by the encoding they declare, else by the likeliest.

    A few bytes that break the declared encoding are replaced, as browsers do; if many do, it is not the encoding.

    Raises:
        DataError: the bytes are no text, or fit no encoding.
    """
    if declared and not data.startswith(_MARKS):
        try:
            codec = codecs.lookup(declared).name
            codec = _BROADER.get(codec, codec)
            if codec.startswith(("cp125", "iso8859")) and not data.isascii() and _is_utf8(data):
                return data.decode("utf-8")  # converted by whoever saved it, the declaration left behind
            if codec not in _NO_ENCODING:
                text = data.decode(codec, "replace")
                beyond_ascii = sum(map(len, re.findall(r"[^\0-\x7f]+", text)))
                if text.count("\ufffd") <= beyond_ascii * _MOST_BAD:
                    return text
        except (LookupError, ValueError):  # unknown, or of bytes to bytes
            pass
    return data.decode(find_encoding([data], name=name), "replace")


def iso_date(text: str) -> str | None:
    """Return a date, with its time if it has one, in ISO 8601; what is not one, as it stands; nothing for nothing.

    >>> iso_date("20240305T101500Z")
    '2024-03-05T10:15:00+00:00'
    """
    text = text.strip()
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        return text or None
    year, month, day, hour, minute, second, zone = match.groups()
    zone = "+00:00" if zone in ("Z", "z") else zone or ""
    if len(zone) == 5:
        zone = f"{zone[:3]}:{zone[3:]}"
    written = f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second or '00'}{zone}" if hour else "")
    try:
        datetime.fromisoformat(written)
    except ValueError:  # the 31st of June
        return text
    return written


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _published(root: Any) -> str | None:
    """Return the time of publication that a page declares: trafilatura keeps the day only."""
    for meta in root.iter("meta"):
        if (meta.get("property") or meta.get("itemprop")) in ("article:published_time", "datePublished"):
            date = iso_date(meta.get("content") or "")
            if date and _ISO_DATE.fullmatch(date):
                return date
    return None


class _Text:
    """Text put together from the parts of a tree, white space between them as a reader of the page would see it."""

    def __init__(self) -> None:
        self._parts: list[str] = [""]

    def begin_or_end(self, name: str, *, begin: bool) -> None:
        """Put in the white space that an element of this name asks for."""
        if name in _BLOCKS:
            self._add_space("\n\n")
        elif name in _BREAKS and begin:
            self._add_space("\n")
        elif name in _CELLS and self._parts[-1][-1:] not in ("\n", "\t"):
            self._add_space("\t")

    def add(self, text: str, *, verbatim: bool) -> None:
        """Add the text between two tags; not verbatim, its line ends are mere spaces."""
        if not verbatim:
            text = re.sub(r"[ \t\n\r\f]+", " ", text)
            if self._parts[-1][-1:] in ("", " ", "\n", "\t"):
                text = text.removeprefix(" ")
        if text:
            self._parts.append(text)

    def _add_space(self, space: str) -> None:
        self._parts[-1] = self._parts[-1].rstrip(" \t")
        self._parts.append(space)

    def whole(self) -> str:
        """Return the text: no white space at line ends, one blank line between paragraphs."""
        text = "".join(self._parts).replace("\r\n", "\n").replace("\r", "\n")
        lines = (line.rstrip() for line in text.split("\n"))  # a pattern would be slow on miles of spaces
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

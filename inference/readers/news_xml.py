"""News agencies' XML: NewsML-G2 and NITF."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html.entities import html5
from typing import Any

from ...labels.errors import DataError, require
from ..documents import Document, Failure, ReadOptions, Source
from .web import decode, html_to_text, iso_date, local_name, read_html, text_of

_ITEMS = frozenset({"newsitem", "packageitem", "conceptitem", "knowledgeitem", "catalogitem", "planningitem"})
_ENTITIES = "declares XML entities of its own, which are not expanded for safety; save it without them"
_NOT_BODY = frozenset({"media", "media-caption", "script", "style", "head", "title"})


def read_news_xml(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read a document from each news item with text; pictures, packages and concepts give none.

    A page of XHTML is read as a web page.

    Raises:
        DataError: the file is not well-formed, is XML of another kind, has entities of its own, or no text at all.
        EventRolesError: lxml is not installed.
        OSError: the file cannot be opened.
    """
    data = source.path.read_bytes()
    root = parse_xml(data)
    kind = local_name(root)
    if kind == "html":
        yield from read_html(source, options)
        return
    if kind not in _ITEMS | {"nitf", "newsmessage"}:
        raise DataError(f"XML of another kind (root element {shown_name(root)}); convert it to text")
    sha256 = hashlib.sha256(data).hexdigest()
    items = _all(root, "newsItem") if kind == "newsmessage" else [root]
    given = 0
    for number, item in enumerate(items, start=1):
        document = source.id if len(items) == 1 else f"{source.id}:{number}"
        found = _nitf(item, document, sha256) if kind == "nitf" else _news_item(item, document, sha256)
        if found.text:
            given += 1
            yield found
    if not given:
        raise DataError(f"no text in its {len(items):,} news items, only pictures or references; ask for the text")


def parse_xml(data: bytes) -> Any:
    """Return the root element of an XML file: nothing is fetched, and no entity of the file's own is expanded.

    Named characters of HTML are put in, which news and book files use without a DTD at hand.

    Raises:
        DataError: not well-formed, or with entities of its own.
        EventRolesError: lxml is not installed.
    """
    etree = require("lxml.etree", extra="formats")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if b"<!ENTITY" in data:  # libxml2 adds up what they would expand to, and stops
            raise DataError(_ENTITIES) from error
        reason = " ".join(str(error).split()) or "empty"
        raise DataError(f"not well-formed XML ({reason}); is it whole? Export it again") from error
    subset = root.getroottree().docinfo.internalDTD
    if subset is not None and any(True for _ in subset.iterentities()):
        raise DataError(_ENTITIES)
    for reference in list(root.iter(etree.Entity)):
        character = html5.get(f"{reference.name};")
        if character is None:
            raise DataError(f"names a character that nothing declares (&{reference.name};); write the character itself")
        _put_in_place_of(reference, character)
    return root


def shown_name(element: Any) -> str:
    """Return the name of an element for a message, without its namespace, in its own letters."""
    name = str(element.tag).rpartition("}")[2]
    return name if len(name) <= 60 else f"{name[:57]}…"


def _put_in_place_of(reference: Any, character: str) -> None:
    parent, before = reference.getparent(), reference.getprevious()
    text = character + (reference.tail or "")
    parent.remove(reference)  # with its tail
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text


def _news_item(item: Any, document: str, sha256: str) -> Document:
    """Return a newsItem of NewsML-G2; its text is empty where the item has none."""
    about = _first(item, "contentMeta")
    management = _first(item, "itemMeta")
    created = _value(about, "contentCreated") or _value(management, "versionCreated", "firstCreated")
    metadata = {
        "author": _value(about, "by") or _name(_first(about, "creator")),
        "agency": _name(_first(management, "provider")),
        "creditline": _value(about, "creditline"),
        "language": _attribute(_first(about, "language"), "tag"),
        "slugline": _value(about, "slugline"),
        "place": _value(about, "dateline") or _name(_first(about, "located")),
        "urgency": _value(about, "urgency"),
        "description": _value(about, "description"),
        "keywords": [text for element in _all(about, "keyword") if (text := _plain(element))],
        "subjects": [name for element in _all(about, "subject") if (name := _name(element))],
        "guid": item.get("guid"),
    }
    text, nitf = "", None
    # Renditions of one content: the first with text will do.
    for rendition in _all(item, "inlineXML") + _all(item, "inlineData"):
        nitf = _first(rendition, "nitf")
        text = _rendition(rendition)
        if text:
            break
    if nitf is not None:
        inner = _nitf(nitf, document, sha256)
        metadata = {**inner.metadata, **_present(metadata)}
        title = _value(about, "headline") or inner.title
        return Document(document, sha256, text, "", title, iso_date(created or "") or inner.date, metadata)
    return Document(
        document,
        sha256,
        text,
        title=_value(about, "headline") or _value(management, "title"),
        date=iso_date(created or ""),
        metadata=_present(metadata),
    )


def _rendition(element: Any) -> str:
    """Return the text of an inlineXML or inlineData."""
    if local_name(element) == "inlinexml":
        body = _first(element, "body.content")
        if body is None:
            body = _first(element, "body")
        return text_of(element if body is None else body, skip=_NOT_BODY)
    kind = element.get("contenttype") or "text/plain"
    if not kind.startswith("text/"):
        return ""
    text = element.text or ""
    if "base64" in (element.get("encoding") or "").lower():
        try:
            text = decode(base64.b64decode(text), "utf-8", name="inlineData")
        except (ValueError, DataError):
            return ""
    return html_to_text(text) if "html" in kind else text.strip()


def _nitf(root: Any, document: str, sha256: str) -> Document:
    """Return a document of NITF; its text is empty where it has none."""
    head, above = _first(root, "head"), _first(root, "body.head")
    content = _first(root, "body.content")
    issued = _attribute(_first(head, "date.issue"), "norm") or _attribute(_first(head, "pubdata"), "date.publication")
    issued = issued or _attribute(_first(above, "story.date"), "norm")
    content_id = _first(head, "doc-id")
    metadata = {
        "author": _value(above, "byline", "bytag"),
        "agency": _value(above, "distributor") or _attribute(content_id, "regsrc"),
        "site": _attribute(_first(head, "pubdata"), "name"),
        "language": _language(root),
        "place": _value(above, "dateline"),
        "urgency": _attribute(_first(head, "urgency"), "ed-urg"),
        "description": _value(above, "abstract"),
        "tagline": _value(root, "tagline"),
        "keywords": [key for element in _all(head, "keyword") if (key := element.get("key"))],
        "guid": _attribute(content_id, "id-string"),
        "url": _attribute(_first(head, "pubdata"), "ex-ref"),
    }
    return Document(
        document,
        sha256,
        "" if content is None else text_of(content, skip=_NOT_BODY),
        title=_value(above, "hl1", "hedline") or _value(head, "title"),
        date=iso_date(issued or ""),
        metadata=_present(metadata),
    )


def _all(element: Any, name: str) -> list[Any]:
    """Return the elements of a name below an element, whatever their namespace: it changes with the version."""
    return [] if element is None else list(element.iter(f"{{*}}{name}"))


def _first(element: Any, name: str) -> Any:
    return None if element is None else next(element.iter(f"{{*}}{name}"), None)


def _plain(element: Any) -> str:
    """Return the text of an element in one line."""
    return " ".join(text_of(element).split())


def _value(element: Any, *names: str) -> str | None:
    """Return the text of the first of these elements that has any."""
    for name in names:
        for found in _all(element, name):
            if text := _plain(found):
                return text
    return None


def _name(element: Any) -> str | None:
    """Return the name of a person, provider, place or subject; its code if it has no name."""
    if element is None:
        return None
    return _value(element, "name") or element.get("literal") or element.get("qcode") or element.get("uri")


def _attribute(element: Any, name: str) -> str | None:
    return None if element is None else element.get(name)


def _language(root: Any) -> str | None:
    for element in (root, _first(root, "body")):
        language = _attribute(element, "{http://www.w3.org/XML/1998/namespace}lang") or _attribute(element, "lang")
        if language:
            return re.sub(r"\s", "", language)
    return None


def _present(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value}

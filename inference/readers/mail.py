"""Mail: single messages and mailboxes, with the text that a person would read first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from typing import BinaryIO

from ...labels.errors import DataError
from ..documents import Document, Failure, ReadOptions, Source
from .web import declared_encoding, decode, html_to_text

_METADATA = {
    "from": "From",
    "to": "To",
    "cc": "Cc",
    "reply_to": "Reply-To",
    "message_id": "Message-ID",
    "in_reply_to": "In-Reply-To",
    "list_id": "List-Id",
    "newsgroups": "Newsgroups",
    "organization": "Organization",
    "language": "Content-Language",
}
_TELLING = ("From", "Date", "Subject", "Received", "Message-ID", "To", "Return-Path", "MIME-Version")
_SIGNED_OR_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_PGP = re.compile(r"\s*-----BEGIN PGP MESSAGE-----")
_ENCRYPTED = "encrypted mail ({}); decrypt it in a mail program and save it again"

# Between messages: "From ana@example.org Tue Mar  5 10:15:00 2024", or a bare "From ". Texts have lines that begin so,
# too; good programs write them as ">From ", others do not.
_SEPARATOR = re.compile(rb"From (?:\s*$|.*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*\d:\d\d.*\b\d{4}\b)")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_CHUNK = 1 << 16  # bytes; longer lines are read in pieces


@dataclass(frozen=True, slots=True)
class _Part:
    """The bytes of one message of a mailbox, or none if they are more than the limit."""

    number: int
    data: bytes | None


def read_eml(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:  # noqa: ARG001
    """Read one message: its plain text, else the text of its HTML; attachments are left out.

    Raises:
        DataError: the file is no message, or an encrypted one.
        EventRolesError: lxml, which HTML needs, is not installed.
        OSError: the file cannot be opened.
    """
    data = source.path.read_bytes()
    yield _read_message(data, document=source.id, sha256=hashlib.sha256(data).hexdigest())


def read_mbox(source: Source, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read each message of a mailbox as ``mailbox:number``, holding one of them in memory at a time.

    Raises:
        DataError: the file is no mailbox, or an empty one.
        EventRolesError: lxml, which HTML needs, is not installed.
        OSError: the file cannot be opened.
    """
    most = options.limits.document_bytes
    with source.path.open("rb") as file:
        for message in _split(file, most=most):
            document = f"{source.id}:{message.number}"
            if message.data is None:
                yield Failure(document, f"a message of more than {most:,} bytes; raise the limit, or take it out")
                continue
            sha256 = hashlib.sha256(message.data).hexdigest()
            try:
                yield _read_message(_QUOTED.sub(rb"\1", message.data), document=document, sha256=sha256)
            except DataError as error:
                yield Failure(document, str(error))


def _split(file: BinaryIO, *, most: int) -> Iterator[_Part]:
    """Yield the messages between "From " lines, without these and without the blank line before the next one."""
    message = bytearray()  # a list of lines would take eight times the room where they are short
    number = size = 0
    line_begins = behind_blank = True
    while line := file.readline(_CHUNK):
        if line_begins and behind_blank and line.startswith(b"From ") and (not number or _SEPARATOR.match(line)):
            if number:
                yield _Part(number, _trimmed(message) if size <= most else None)
            number, size = number + 1, 0
            message.clear()
        elif number:
            size += len(line)
            if size <= most:
                message += line
            else:
                message.clear()
        elif line.strip():
            raise DataError("no mailbox: its first line does not begin with 'From '; name a single message .eml")
        behind_blank = line_begins and line in (b"\n", b"\r\n")
        line_begins = line.endswith(b"\n")
    if not number:
        raise DataError("an empty mailbox: no message in it; export it again, or leave it out")
    yield _Part(number, _trimmed(message) if size <= most else None)


def _trimmed(message: bytearray) -> bytes:
    """Return a message without the blank line at its end."""
    for end in (b"\r\n", b"\n"):
        if message.endswith(b"\n" + end):
            return bytes(message[: -len(end)])
    return bytes(message)


def _read_message(data: bytes, *, document: str, sha256: str) -> Document:
    try:
        # Not policy.default: its grammar of headers raises errors of every kind on broken ones, which archives have.
        message = BytesParser(policy=compat32).parsebytes(data)
        if not any(name in message for name in _TELLING):
            raise DataError("no mail: none of the headers that every message has; save it as .txt if it is plain text")
        text = _text(message, name=document)
    except RecursionError as error:
        raise DataError("parts nested hundreds deep, which no mail program writes; save its text on its own") from error
    if _PGP.match(text):
        raise DataError(_ENCRYPTED.format("PGP"))
    metadata = {key: value for key, name in _METADATA.items() if (value := _header(message, name, document))}
    title = _header(message, "Subject", document)
    return Document(document, sha256, text, title=title, date=_date(message, document), metadata=metadata)


def _text(part: Message, *, name: str) -> str:
    """Return the text of a message or a part of one.

    Raises:
        DataError: it is encrypted, or its HTML is nested too deeply.
    """
    kind = part.get_content_type()
    if kind == "multipart/encrypted":
        raise DataError(_ENCRYPTED.format("PGP"))
    if kind in _SIGNED_OR_ENCRYPTED:
        raise DataError(_ENCRYPTED.format("S/MIME"))
    if kind.startswith("message/") or part.get_content_disposition() == "attachment":
        return ""
    if part.is_multipart():
        parts = [inner for inner in part.get_payload() if isinstance(inner, Message)]
        if kind == "multipart/alternative":
            # The same in several forms: plain before others.
            parts.sort(key=lambda inner: inner.get_content_type() != "text/plain")
            return next((text for inner in parts if (text := _text(inner, name=name))), "")
        if kind == "multipart/related":
            parts = parts[:1]  # the others are its pictures
        return "\n\n".join(text for inner in parts if (text := _text(inner, name=name)))
    if kind not in ("text/plain", "text/html"):
        return ""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_content_charset()
    if kind == "text/html":
        return html_to_text(decode(data, charset or declared_encoding(data), name=name))
    return decode(data, charset, name=name).replace("\r\n", "\n").strip()


def _header(message: Message, header: str, document: str) -> str | None:
    """Return a header in one line with its encoded words decoded."""
    value = message[header]
    if value is None:
        return None
    try:
        chunks = decode_header(value)
    except (HeaderParseError, ValueError):  # broken base64
        chunks = [(str(value), None)]
    texts = []
    for chunk, charset in chunks:
        try:
            texts.append(chunk if isinstance(chunk, str) else decode(chunk, charset or "utf-8", name=document))
        except DataError:
            texts.append(chunk.decode("ascii", "replace") if isinstance(chunk, bytes) else chunk)
    return " ".join("".join(texts).split()) or None


def _date(message: Message, document: str) -> str | None:
    written = _header(message, "Date", document)
    try:
        return parsedate_to_datetime(written).isoformat() if written else None
    except (ValueError, TypeError, OverflowError, IndexError):  # IndexError: "Mon," and the like
        return written

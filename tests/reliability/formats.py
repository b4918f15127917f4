"""Small files of every format, written by hand, so that every byte is known and the same in every run."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape

CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
DOCX_LINKS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="book/content.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
_DATE = (2024, 5, 6, 7, 8, 0)


def make_html(title: str, paragraphs: Iterable[str]) -> bytes:
    """Return a page with one article."""
    body = "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body><article><h1>{escape(title)}</h1>\n{body}</article></body></html>\n"
    ).encode()


def make_pdf(lines: Sequence[str], *, trailer: bytes = b"", extra: Sequence[bytes] = ()) -> bytes:
    """Return a PDF of one page; ``extra`` objects are numbered from 6."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    content = zlib.compress(f"BT /F1 11 Tf 14 TL 60 760 Td {shown} ET".encode("cp1252"), 9)
    return make_pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(content), content),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
            *extra,
        ],
        trailer=trailer,
    )


def make_pdf_of(objects: Sequence[bytes], *, trailer: bytes = b"") -> bytes:
    """Return a PDF of objects numbered from 1, the first of them the catalogue."""
    data = b"%PDF-1.4\n%\x00\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (size, table, end)


def make_docx(paragraphs: Iterable[str], **parts: bytes | str) -> bytes:
    """Return a Word file; ``parts`` replace ``types``, ``links`` or ``document``, an empty one leaves it out."""
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    document = f'<?xml version="1.0"?><w:document xmlns:w="{_WORDS}"><w:body>{body}</w:body></w:document>'
    known: dict[str, bytes | str] = {"types": CONTENT_TYPES, "links": DOCX_LINKS, "document": document}
    names = {"types": "[Content_Types].xml", "links": "_rels/.rels", "document": "word/document.xml"}
    return make_zip({names[part]: data for part, data in {**known, **parts}.items() if data})


def make_epub(chapters: Sequence[str], **parts: bytes | str) -> bytes:
    """Return a book of one paragraph a chapter; ``parts`` replace ``container``, ``package`` or ``rights``."""
    numbers = range(1, len(chapters) + 1)
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in numbers)
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">made-by-hand</dc:identifier>'
        f"<dc:title>Dispatches</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    known: dict[str, bytes | str] = {"container": CONTAINER, "package": package, "rights": ""}
    names = {"container": "META-INF/container.xml", "package": "book/content.opf", "rights": "META-INF/encryption.xml"}
    members: dict[str, bytes | str] = {"mimetype": "application/epub+zip"}
    members |= {names[part]: data for part, data in {**known, **parts}.items() if data}
    for n, text in zip(numbers, chapters, strict=True):
        members[f"book/c{n}.xhtml"] = (
            '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml">'
            f"<head><title>{n}</title></head><body>{text}</body></html>"
        )
    return make_zip(members)


def make_mail(subject: str, body: str, **headers: str) -> bytes:
    """Return a message; ``headers`` replace the type or encoding of the body, ``content_type="…"``."""
    known = {"content_type": "text/plain; charset=utf-8", "content_transfer_encoding": "8bit"}
    more = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in {**known, **headers}.items())
    return (
        f"From: desk@news.example\r\nTo: archive@news.example\r\nSubject: {subject}\r\n"
        f"Date: Mon, 06 May 2024 07:08:00 +0000\r\nMIME-Version: 1.0\r\n{more}\r\n{body}\r\n"
    ).encode()


def make_mbox(messages: Iterable[bytes]) -> bytes:
    """Return a mailbox."""
    mark = b"From desk@news.example Mon May  6 07:08:00 2024\n"
    return b"".join(mark + message.replace(b"\r\n", b"\n") + b"\n" for message in messages)


def make_rtf(paragraphs: Iterable[str]) -> bytes:
    """Return a rich text file."""
    body = "\\par\n".join(paragraphs)
    return ("{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Times New Roman;}}\n\\f0\\fs24 " + body + "\\par\n}").encode("ascii")


def make_newsml(headline: str, inside: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """Return a NewsML-G2 item whose inline XHTML holds ``inside``."""
    return (
        f'{head}<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="urn:made:1" version="1" '
        'standard="NewsML-G2" standardversion="2.33"><itemMeta><itemClass qcode="ninat:text"/>'
        "<versionCreated>2024-05-06T07:08:00Z</versionCreated></itemMeta><contentMeta>"
        f'<headline>{headline}</headline></contentMeta><contentSet><inlineXML contenttype="application/xhtml+xml">'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{headline}</title></head><body>{inside}</body></html>'
        "</inlineXML></contentSet></newsItem>"
    ).encode()


def make_nitf(headline: str, inside: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """Return a NITF article whose content block holds ``inside``."""
    return (
        f"{head}<nitf><head><title>{headline}</title></head><body><body.head><hedline><hl1>{headline}</hl1></hedline>"
        f"</body.head><body.content>{inside}</body.content></body></nitf>"
    ).encode()


def make_zip(members: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive, with one date for all members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else method
            archive.writestr(info, data)
    return file.getvalue()


def make_tar(members: Mapping[str, bytes] | Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a tar archive; headers of one's own may stand in the place of names."""
    pairs = members.items() if isinstance(members, Mapping) else members
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for named, data in pairs:
            info = tarfile.TarInfo(named) if isinstance(named, str) else named
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def make_gzip(data: bytes) -> bytes:
    """Return gzipped bytes without name and date."""
    return gzip.compress(data, 9, mtime=0)


def make_zst(data: bytes) -> bytes:
    """Return a Zstandard frame with a checksum."""
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


def make_jsonl(rows: Iterable[object]) -> bytes:
    """Return JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def make_csv(rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    """Return a table without fields that need quotes inside quotes."""
    return "".join(delimiter.join(f'"{field}"' for field in row) + "\r\n" for row in rows).encode()


def make_parquet(columns: Mapping[str, Sequence[object]], **options: object) -> bytes:
    """Return a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), file, **options)
    return file.getvalue()

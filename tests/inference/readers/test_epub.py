"""What is read from e-books: chapters in reading order, and no more of hostile archives than the limits allow."""

from __future__ import annotations

import hashlib
import io
import struct
import tempfile
import tracemalloc
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source
from eventroles.inference.readers.epub import read_epub
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""

PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Ford</dc:title><dc:creator>Ana Torv</dc:creator>
<dc:creator>Bo Lind</dc:creator><dc:language>en</dc:language><dc:date>2024-03-05T00:00:00Z</dc:date></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="text/two%20b.xhtml#top" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="css" href="a.css" media-type="text/css"/></manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="one"/><itemref idref="css"/><itemref idref="two"/>
<itemref idref="one"/><itemref idref="nosuch"/></spine></package>"""

ONE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>
<style>p {}</style></head><body><h1>At  the ford</h1><p>Shells fell
on the town.</p><p>Nobody was hurt&nbsp;there.</p></body></html>"""

FILES = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": "<html><body><p>Contents</p></body></html>",
    "OEBPS/cover.xhtml": "<html><body><img src='a.png'/></body></html>",
    "OEBPS/text/one.xhtml": ONE,
    "OEBPS/text/two b.xhtml": "<html><body><p>Talks went on.<br>No <b>result.</body></html>",
}


def book(changes: Mapping[str, str | bytes | None] | None = None, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in {**FILES, **(changes or {})}.items():
            if content is not None:
                archive.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def read(folder: Path, data: bytes, **limits: int) -> list[Document | Failure]:
    path = folder / "a.epub"
    path.write_bytes(data)
    return list(read_epub(Source(path, "books/a.epub"), ReadOptions(limits=Limits(**limits))))


def test_each_chapter_with_text_is_a_document_in_reading_order(tmp_path):
    data = book()
    metadata = {"book": "The Ford", "author": "Ana Torv; Bo Lind", "language": "en"}
    one = Document(
        "books/a.epub/OEBPS/text/one.xhtml",
        hashlib.sha256(data).hexdigest(),
        "At the ford\n\nShells fell on the town.\n\nNobody was hurt\xa0there.",
        title="At the ford",
        date="2024-03-05T00:00:00+00:00",
        metadata=metadata,
    )
    two = replace(one, id="books/a.epub/OEBPS/text/two b.xhtml", text="Talks went on.\nNo result.", title="The Ford")
    assert read(tmp_path, data) == [one, two]
    assert [path.name for path in tmp_path.iterdir()] == ["a.epub"]


def test_a_missing_or_damaged_chapter_does_not_lose_the_others(tmp_path):
    found = read(tmp_path, book({"OEBPS/text/one.xhtml": None}))
    assert [type(item) for item in found] == [Failure, Document]
    assert "OEBPS/text/one.xhtml is missing in the book" in found[0].reason
    data = book(method=zipfile.ZIP_STORED).replace(b"Shells fell", b"Shalls fell")
    found = read(tmp_path, data)
    assert [type(item) for item in found] == [Failure, Document]
    assert "OEBPS/text/one.xhtml is damaged (Bad CRC-32" in found[0].reason


@pytest.mark.parametrize("truth", [True, False])
def test_a_chapter_that_expands_beyond_the_limit_is_given_up_early(tmp_path, truth):
    data = book({"OEBPS/text/one.xhtml": b"<p>" + b"a" * (64 << 20)})
    if not truth:  # a size in the directory that is a lie
        place = data.index(b"OEBPS/text/one.xhtml", data.index(b"PK\1\2")) - 46
        data = data[: place + 24] + struct.pack("<I", 100) + data[place + 28 :]
    tracemalloc.start()
    found = read(tmp_path, data, document_bytes=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(item) for item in found] == [Failure, Document]
    reason = "expands to more than 100,000 bytes; split it, or raise the limit" if truth else "is damaged"
    assert found[0].document == "books/a.epub/OEBPS/text/one.xhtml"
    assert reason in found[0].reason
    assert peak < 8 << 20


def test_a_book_that_expands_beyond_its_limit_is_left_there(tmp_path, monkeypatch):
    monkeypatch.setattr("eventroles.inference.readers.epub._FREE", 0)
    found = read(tmp_path, book({"OEBPS/text/one.xhtml": b"<p>" + b"a" * (1 << 20)}), expansion=2)
    assert [item.document for item in found if isinstance(item, Failure)] == ["books/a.epub/OEBPS/text/one.xhtml"]
    assert len(found) == 1


def test_too_many_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"^7 files, over the limit of 6; unpack the book"):
        read(tmp_path, book(), members=6)


def encryption(algorithm: str) -> dict[str, str]:
    method = f'<EncryptedData xmlns="urn:enc"><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData>'
    return {"META-INF/encryption.xml": f"<encryption>{method}</encryption>"}


def test_an_encrypted_book_is_told_from_one_with_hidden_fonts(tmp_path):
    with pytest.raises(DataError, match=r"^encrypted: "):
        read(tmp_path, book(encryption("http://www.w3.org/2001/04/xmlenc#aes256-cbc")))
    assert len(read(tmp_path, book(encryption("http://www.idpf.org/2008/embedding")))) == 2


def test_a_zip_with_a_password_is_encrypted(tmp_path):
    data = bytearray(book())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + flags] |= 1
            place = data.find(mark, place + 4)
    with pytest.raises(DataError, match=r"^encrypted: "):
        read(tmp_path, bytes(data))


def test_methods_that_expand_without_bound_are_refused(tmp_path):
    with pytest.raises(DataError, match="compressed in a way that EPUB does not allow"):
        read(tmp_path, book(method=zipfile.ZIP_BZIP2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^not an EPUB: no readable zip archive"),
        (b"%PDF-1.7 garbage", "^not an EPUB: no readable zip archive"),
        (book()[:1500], "^not an EPUB: no readable zip archive"),
        (book({"META-INF/container.xml": None}), r"without META-INF/container\.xml"),
        (book({"META-INF/container.xml": "<container/>"}), "names no package file"),
        (book({"META-INF/container.xml": "<contai"}), "not well-formed XML"),
        (book({"OEBPS/book.opf": None}), r"OEBPS/book\.opf is missing"),
        (book({"OEBPS/book.opf": "<package/>"}), "names no chapters in its spine"),
        (book({"OEBPS/book.opf": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "XML entities of its own"),
        (book({"OEBPS/text/one.xhtml": "", "OEBPS/text/two b.xhtml": " "}), "^a book without text"),
    ],
)
def test_what_is_no_book_is_refused_in_one_line(tmp_path, data, reason):
    with pytest.raises(DataError, match=reason) as caught:
        read(tmp_path, data)
    assert "\n" not in str(caught.value)


@given(place=st.integers(0, len(book()) - 1), new=st.binary(max_size=4), kept=st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_damage_gives_documents_failures_or_one_clear_refusal(place, new, kept):
    data = book()
    damaged = data[:place] + new + (data[place + len(new) :] if kept else b"")
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        assert read(Path(folder), damaged)

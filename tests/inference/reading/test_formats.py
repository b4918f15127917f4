"""Telling what a file is: by its first bytes, else by its extension, else with a clear refusal."""

from __future__ import annotations

import gzip
import importlib
import io
import tarfile
import zipfile

import pytest
from eventroles.inference.reading.formats import (
    CSV,
    DOCX,
    EMAIL,
    EPUB,
    EXTENSIONS,
    FORMATS,
    GZIP,
    HTML,
    JSONL,
    MBOX,
    PARQUET,
    PDF,
    RTF,
    TAR,
    TEXT,
    XML,
    ZIP,
    ZSTD,
    count_zip_entries,
    identify,
)
from eventroles.labels.errors import DataError


def zipped(*names: str, first: tuple[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        if first is not None:
            archive.writestr(*first)
        for name in names:
            archive.writestr(name, b"content")
    return stream.getvalue()


def tarred(format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002  its name in tarfile
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return stream.getvalue()


def old_tar() -> bytes:
    data = bytearray(tarred(tarfile.USTAR_FORMAT))
    data[257:265] = bytes(8)
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


BOOK = zipped("OEBPS/a.xhtml", first=("mimetype", b"application/epub+zip"))
MAIL = b"Return-Path: <desk@example.org>\r\nReceived: from mx\r\n\tby relay\r\nSubject: Talks\r\n\r\nTalks go on.\r\n"

BY_CONTENT = [
    (b"%PDF-1.7\n", PDF),
    (b"\r\njunk\n%PDF-1.4\n", PDF),
    (zipped("[Content_Types].xml", "word/document.xml"), DOCX),
    (BOOK, EPUB),
    (zipped("a.txt"), ZIP),
    (zipped(), ZIP),
    (gzip.compress(b"x"), GZIP),
    (b"\x28\xb5\x2f\xfd\x00", ZSTD),
    (tarred(), TAR),
    (tarred(tarfile.GNU_FORMAT), TAR),
    (b"PAR1" + bytes(9) + b"PAR1", PARQUET),
    (b"{\\rtf1\\ansi Talks.}", RTF),
    (b"<!DOCTYPE html><p>Talks", HTML),
    (b"\xef\xbb\xbf \n<HTML lang='en'>", HTML),
    ("\ufeff<html><body>".encode("utf-16-le"), HTML),
    (b"<!-- saved -->\n<!doctype HTML>", HTML),
    (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>", HTML),
    (b"<?xml version='1.0'?>\n<nitf><body/></nitf>", XML),
    (b"<newsMessage xmlns='urn:x'/>", XML),
    (b"<!DOCTYPE nitf SYSTEM 'nitf.dtd'>\n<nitf/>", XML),
    (b"From desk Mon Jan  1 00:00:00 2024\nSubject: Talks\n\nTalks.\n", MBOX),
    (MAIL, EMAIL),
]


@pytest.mark.parametrize("name", ["nameless", "odd.xyz", "1700000000.M1P2.host"])
@pytest.mark.parametrize(("data", "expected"), BY_CONTENT, ids=lambda value: getattr(value, "name", ""))
def test_content_tells_what_a_file_without_known_extension_is(tmp_path, name, data, expected):
    (tmp_path / name).write_bytes(data)
    assert expected is identify(tmp_path / name)


@pytest.mark.parametrize(("data", "expected"), BY_CONTENT[:-2], ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.parquet", "a.zip", "a.gz", "a.epub", "a.zst", "a.tar"])
def test_strong_content_wins_over_a_wrong_extension(tmp_path, name, data, expected):
    (tmp_path / name).write_bytes(data)
    assert expected is identify(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.TXT", TEXT), ("a.md", TEXT), ("a.jsonl", JSONL), ("a.csv", CSV), ("a.Tsv", CSV), ("a.eml", EMAIL)),
        *(("a.mbox", MBOX), ("a.html", HTML), ("a.htm", HTML), ("a.xml", XML), ("a.rtf", RTF)),
    ],
)
@pytest.mark.parametrize(
    "data", [b"", b"Talks go on.", b"PAR1 was the code name.", b"We made a %PDF-file", b"\x89PNG\r\n\x1a\n"]
)
def test_where_content_says_nothing_the_extension_decides_in_any_case(tmp_path, name, expected, data):
    (tmp_path / name).write_bytes(data)
    assert expected is identify(tmp_path / name)


def test_html_stays_html_with_an_xml_declaration(tmp_path):
    (tmp_path / "a.html").write_bytes(b"<?xml version='1.0' encoding='utf-8'?>\n<!-- no root yet -->")
    assert HTML is identify(tmp_path / "a.html")


def test_a_tar_of_the_oldest_form_needs_its_extension(tmp_path):
    (tmp_path / "a.tar").write_bytes(old_tar())
    assert TAR is identify(tmp_path / "a.tar")
    (tmp_path / "nameless").write_bytes(old_tar())
    with pytest.raises(DataError, match="cannot read this kind"):
        identify(tmp_path / "nameless")


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.epub", "a.parquet", "a.gz", "a.tgz", "a.zip", "a.zst", "a.tar"])
def test_a_file_that_is_not_what_it_is_called_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"Not what it says.")
    ending = path.suffix
    with pytest.raises(DataError, match=rf"^is called \{ending} but does not begin like one; get a whole copy"):
        identify(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty; get a whole copy"):
        identify(path)


def test_a_damaged_zip_stays_what_it_is_called(tmp_path):
    for name, expected in (("a.docx", DOCX), ("a.epub", EPUB), ("a.zip", ZIP), ("nameless", ZIP)):
        (tmp_path / name).write_bytes(zipped("word/document.xml")[:40])
        assert expected is identify(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"an old Word, Excel .* password; save it as \.docx"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word"),
        ("a.xlsx", zipped("xl/workbook.xml"), "an Excel workbook; save its table as CSV"),
        ("a.pptx", zipped("ppt/presentation.xml"), "PowerPoint"),
        ("a.odt", zipped("content.xml", "META-INF/manifest.xml"), "OpenDocument"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "a PNG image"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "a JPEG image"),
        ("a.pdf", b"\xff\xd8\xff\xe0", "a JPEG image"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
        ("a.txt.xz", b"\xfd7zXZ\0", "an xz file; unpack it"),
        ("a.xyz", b"What is this?", r"this kind of file \(\.xyz\); convert it to \.txt, .* or \.zst"),
        ("README", b"Subject: one header only\n\nText.", "no extension"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=reason) as caught:
        identify(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_archive_of_many_files_may_hold_a_workbook(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped("xl/workbook.xml", "a.txt"))
    assert ZIP is identify(tmp_path / "a.zip")


def test_the_entries_of_a_zip_are_counted_without_reading_them(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(*(f"{number}.txt" for number in range(7))))
    assert 7 == count_zip_entries(path)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(65_600):  # more than the old form of the end can say
            archive.writestr(f"{number}", b"")
        archive.comment = b"PK" * 40
    assert 65_600 == count_zip_entries(path)
    path.write_bytes(b"PK\3\4")
    assert 0 == count_zip_entries(path)


def test_every_reader_of_the_table_exists_and_every_extension_is_there_once():
    for found in FORMATS:
        module = importlib.import_module(f"eventroles.inference.readers.{found.module}")
        assert found.container or callable(getattr(module, found.reader))
    assert len(EXTENSIONS) == len(set(EXTENSIONS))
    expected = ".txt .md .html .htm .pdf .docx .eml .mbox .epub .rtf .jsonl .csv .tsv .parquet .xml"
    assert {*expected.split(), ".zip", ".tar", ".tgz", ".gz", ".zst"} == set(EXTENSIONS)

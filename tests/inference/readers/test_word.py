"""What .docx files become: paragraphs and tables in order, changes accepted, and bombs and broken files refused."""

from __future__ import annotations

import datetime
import hashlib
import io
import struct
import tempfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import nsdecls
from eventroles.inference.documents import Document, Limits, ReadOptions, Source
from eventroles.inference.readers.word import read_docx
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

XML = f'<?xml version="1.0"?><w:document {nsdecls("w")}><w:body>%s</w:body></w:document>'


def saved(file: docx.document.Document) -> bytes:
    stream = io.BytesIO()
    file.save(stream)
    return stream.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """Return the package with a part put in the place of another, or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            if member.filename != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return stream.getvalue()


def with_body(body: str) -> bytes:
    return with_part(saved(docx.Document()), "word/document.xml", (XML % body).encode())


def read(path: Path, data: bytes, limits: Limits | None = None) -> Document:
    path.write_bytes(data)
    (document,) = read_docx(Source(path, "press/a.docx"), ReadOptions(limits=limits or Limits()))
    assert isinstance(document, Document)
    return document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.docx"


def test_paragraphs_and_tables_come_in_order_without_headers_and_footers(path):
    file = docx.Document()
    file.sections[0].header.paragraphs[0].text = "River Post"
    file.sections[0].footer.paragraphs[0].text = "Page 1"
    file.add_heading("Bridge shelled", level=1)
    file.add_paragraph("Mortars hit the bridge.")
    table = file.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ["Town", "Hurt", "Oru", "7"], strict=True
    ):
        cell.text = text
    table.cell(1, 1).add_paragraph("or more")
    file.add_paragraph("  ")
    file.add_paragraph("The ministry\tdenied it.\nAid came.")
    data = saved(file)
    document = read(path, data)
    expected = "Bridge shelled\n\nMortars hit the bridge.\n\nTown\tHurt\n\nOru\t7 or more\n\n"
    assert expected + "The ministry\tdenied it.\nAid came." == document.text
    assert ("press/a.docx", hashlib.sha256(data).hexdigest()) == (document.id, document.sha256)


def test_the_properties_of_the_file_are_title_date_and_metadata(path):
    file = docx.Document()
    file.add_paragraph("Shells fell.")
    core = file.core_properties
    core.title, core.author, core.language, core.comments = "Bridge  shelled", "Ines Caro", "en", ""
    core.created = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    core.modified = datetime.datetime(2026, 1, 3, tzinfo=datetime.timezone.utc)
    document = read(path, saved(file))
    assert ("Bridge shelled", "2026-01-02T03:04:05+00:00") == (document.title, document.date)
    assert {"author": "Ines Caro", "language": "en", "modified": "2026-01-03T00:00:00+00:00"} == document.metadata


def test_a_file_without_properties_has_none(path):
    file = docx.Document()
    file.add_paragraph("Shells fell.")
    data = saved(file)
    rels = zipfile.ZipFile(io.BytesIO(data)).read("_rels/.rels")
    document = read(path, with_part(data, "_rels/.rels", rels.replace(b"metadata/core-properties", b"metadata/none")))
    assert ("Shells fell.", None, None, {}) == (document.text, document.title, document.date, document.metadata)
    empty = b'<c:coreProperties xmlns:c="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
    empty += b' xmlns:t="http://purl.org/dc/terms/"><t:created/><t:modified>2026-99-01</t:modified></c:coreProperties>'
    assert None is read(path, with_part(data, "docProps/core.xml", empty)).date


def test_inserted_and_linked_text_is_kept_and_deleted_text_is_not(path):
    body = (
        "<w:p><w:r><w:t>The army </w:t></w:r><w:del><w:r><w:delText>left</w:delText><w:tab/></w:r></w:del>"
        '<w:ins w:id="1"><w:r><w:t xml:space="preserve">took </w:t></w:r><w:hyperlink><w:r><w:t>the mill</w:t></w:r>'
        "</w:hyperlink></w:ins><w:moveFrom><w:r><w:t> GONE</w:t></w:r></w:moveFrom>"
        "<w:moveTo><w:r><w:t> at dawn</w:t></w:r></w:moveTo><w:smartTag><w:r><w:t>.</w:t></w:r></w:smartTag></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>Boxed.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:p><w:r><w:t>Field </w:t><w:instrText> PAGE </w:instrText><w:noBreakHyphen/><w:t>1</w:t></w:r></w:p>"
    )
    assert "The army took the mill at dawn.\n\nBoxed.\n\nField -1" == read(path, with_body(body)).text


def test_a_text_box_is_told_once_behind_its_paragraph(path):
    box = "<w:txbxContent><w:p><w:r><w:t>A quote.</w:t></w:r></w:p></w:txbxContent>"
    spaces = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    drawing = f"<mc:AlternateContent {spaces}><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    run = f"<w:r><w:t>He said</w:t>{drawing}</mc:AlternateContent><w:t> so.</w:t></w:r>"
    assert (
        "He said so.\n\nA quote.\n\nEnd."
        == read(path, with_body(f"<w:p>{run}</w:p><w:p><w:r><w:t>End.</w:t></w:r></w:p>")).text
    )


def test_a_table_in_a_cell_is_text_of_the_cell(path):
    file = docx.Document()
    cell = file.add_table(rows=1, cols=2).cell(0, 0)
    cell.text = "Outer"
    cell.add_table(rows=1, cols=1).cell(0, 0).text = "inner"
    assert "Outer inner" == read(path, saved(file)).text


def test_a_file_of_the_old_format_or_with_a_password_is_refused_with_a_remedy(path):
    with pytest.raises(DataError, match=r"^password-protected or an old \.doc: save as \.docx"):
        read(path, bytes.fromhex("D0CF11E0A1B11AE1") + bytes(512))


def test_what_is_no_whole_docx_is_refused_in_one_line(path):
    whole = saved(docx.Document())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as other:
        other.writestr("notes.txt", "no Word file")
    broken = with_part(whole, "word/document.xml", b"<w:document")
    flipped = bytearray(whole)
    flipped[60] ^= 255
    for data in (b"", b"no ZIP file", whole[:2000], whole[2000:], archive.getvalue(), broken, bytes(flipped)):
        with pytest.raises(DataError, match=r"^not a (readable|whole) \.docx file.*; save it again") as caught:
            read(path, data)
        assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_fills_memory_even_if_its_header_lies(path):
    data = with_part(saved(docx.Document()), "word/document.xml", bytes(100 << 20))
    lying = data.replace(struct.pack("<L", 100 << 20), struct.pack("<L", 100))
    assert lying != data
    for bomb in (data, lying):
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match=r"grows too large when it is unpacked|not a (readable|whole) \.docx"):
                read(path, bomb, Limits(document_bytes=4 << 20))
            assert tracemalloc.get_traced_memory()[1] < 48 << 20
        finally:
            tracemalloc.stop()


def test_large_pictures_do_not_count(path):
    file = docx.Document()
    file.add_paragraph("Shells fell.")
    data = with_part(saved(file), "word/media/image1.bin", bytes(4 << 20))
    assert "Shells fell." == read(path, data, Limits(document_bytes=1 << 20)).text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(path, encoding):
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    body = XML.split("?>", 1)[1] % "<w:p><w:r><w:t>&i;</w:t></w:r></w:p>"
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [{entities}]>{body}'
    with pytest.raises(DataError, match="declares entities, which no Word file does"):
        read(path, with_part(saved(docx.Document()), "word/document.xml", bomb.encode(encoding)))


def test_members_packed_in_other_ways_and_too_many_are_refused(path):
    for kind, count, reason in ((zipfile.ZIP_LZMA, 1, "packed in a way"), (zipfile.ZIP_STORED, 10_001, "10,001 parts")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", kind) as archive:
            for number in range(count):
                archive.writestr(f"word/{number}.xml", b"<a/>")
        with pytest.raises(DataError, match=reason):
            read(path, stream.getvalue())


def test_deep_nesting_is_read_or_refused(path):
    deep = "<w:sdt>" * 200 + "<w:p><w:r><w:t>Deep.</w:t></w:r></w:p>" + "</w:sdt>" * 200
    assert "Deep." == read(path, with_body(deep)).text
    with pytest.raises(DataError, match=r"not a (readable|whole)"):
        read(path, with_body("<w:sdt>" * 5000 + "</w:sdt>" * 5000))


@given(st.binary(max_size=60), st.floats(0, 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_bytes_in_a_package_give_one_document_or_one_clear_refusal(noise, share, cut):
    file = docx.Document()
    file.add_paragraph("Shells fell.")
    whole = saved(file)
    place = int(share * len(whole))
    data = whole[:place] + noise + (b"" if cut else whole[place + len(noise) :])
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        assert hashlib.sha256(data).hexdigest() == read(Path(folder) / "a.docx", data).sha256


@given(st.text(alphabet="<>/w:ptrcb &;i\"='x", max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_xml_gives_one_document_or_one_clear_refusal(xml):
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        read(Path(folder) / "a.docx", with_body(xml))

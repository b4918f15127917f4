"""What PDF files become: pages put together, headers dropped, words mended, and every kind of broken file refused."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pypdfium2.raw as pdfium
import pytest
from eventroles.inference.documents import Document, Limits, ReadOptions, Source
from eventroles.inference.readers.pdf import read_pdf
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st


def pdf(pages: Sequence[Sequence[str]], *, info: str = "", trailer: str = "") -> bytes:
    """Return a PDF with the lines of each page; every other page shares nothing with it but the font."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    kids = []
    for lines in pages:
        shown = b" ".join(b"(" + _escaped(line) + b") Tj T*" for line in lines)
        content = b"BT /F1 11 Tf 14 TL 50 780 Td " + shown + b" ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        font = b"/Resources << /Font << /F1 3 0 R >> >>"
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R %s >>" % (len(objects), font)
        objects.append(page)
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    objects.append(b"<< " + info.encode() + b" >>")
    return _file(objects, trailer)


def _file(objects: list[bytes], trailer: str) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    end = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R {trailer} >>"
    size = len(objects) + 1
    return data + b"xref\n0 %d\n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (size, table, end.encode(), len(data))


def _escaped(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def read(path: Path, data: bytes, limits: Limits | None = None) -> Document:
    path.write_bytes(data)
    (document,) = read_pdf(Source(path, "press/a.pdf"), ReadOptions(limits=limits or Limits()))
    assert isinstance(document, Document)
    return document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.pdf"


def test_a_file_is_a_document_with_its_title_date_and_the_rest(path):
    info = (
        "/Title (Bridge \\(north\\) shelled) /Author (Ines Caro) /CreationDate (D:20260102030405+02'00') /Subject ( )"
    )
    data = pdf([["The bridge was shelled.", "Nobody was hurt."]], info=info + " /ModDate (D:20260103)")
    expected = Document(
        "press/a.pdf",
        hashlib.sha256(data).hexdigest(),
        "The bridge was shelled.\nNobody was hurt.",
        title="Bridge (north) shelled",
        date="2026-01-02T03:04:05+02:00",
        metadata={"author": "Ines Caro", "modified": "2026-01-03", "pages": 1},
    )
    assert expected == read(path, data)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("D:20260102030405Z", "2026-01-02T03:04:05+00:00"),
        ("D:20260102030405Z00'00'", "2026-01-02T03:04:05+00:00"),
        ("D:20260102030405-0530", "2026-01-02T03:04:05-05:30"),
        ("D:202601020304", "2026-01-02T03:04:00"),
        ("20260102", "2026-01-02"),
        ("D:202601", "2026-01"),
        ("D:2026", "2026"),
        ("D:20261302", "D:20261302"),
        ("2 January 2026", "2 January 2026"),
    ],
)
def test_dates_become_iso_8601_as_exact_as_they_are_and_others_stay(path, written, date):
    assert date == read(path, pdf([["Shells fell."]], info=f"/CreationDate ({written})")).date


def test_a_title_that_is_no_text_does_not_cost_the_document(path):
    document = read(path, pdf([["Shells fell."]], info="/Title <FEFFD83D> /Author <FEFF00490000>"))
    assert ("Shells fell.", None, "I") == (document.text, document.title, document.metadata["author"])


def test_a_sentence_that_runs_over_a_page_break_is_not_torn(path):
    pages = [
        ["The column crossed the river and took"],
        ["the mill.", "Talks failed."],
        ["Rebels said on Mon-"],
        ["day that they had left. The President of"],
        ["Ruritania denied it."],
        ["Aid arrived"],
    ]
    expected = (
        "The column crossed the river and took the mill.\nTalks failed.\n\nRebels said on Monday that they had left. "
        "The President of\nRuritania denied it.\n\nAid arrived"
    )
    assert expected == read(path, pdf(pages)).text


def test_words_broken_at_a_line_end_are_whole_and_hyphens_of_names_stay(path):
    lines = ["Shells hit the hos-", "pital near the Anglo-", "Saxon wall; a well-known doc\xad", "tor was hurt."]
    assert "Shells hit the hospital near the Anglo-Saxon wall; a well-known doctor was hurt." == " ".join(
        read(path, pdf([lines])).text.split("\n")
    )


def test_headers_footers_and_page_numbers_are_dropped(path):
    bodies = ["Mortars hit the market.", "The ministry denied it.", "Aid came on foot.", "Four men were held."]
    pages = [["River Post, issue 7", f"{body} Then night fell.", f"Page {n} of 4"] for n, body in enumerate(bodies, 1)]
    assert "\n\n".join(f"{body} Then night fell." for body in bodies) == read(path, pdf(pages)).text


def test_lines_that_repeat_on_few_pages_or_are_all_there_is_stay(path):
    twice = [["River Post", "Mortars hit the market."], ["River Post", "Aid came."], ["Talks failed.", "It rained."]]
    assert 2 == read(path, pdf(twice)).text.count("River Post")
    some = [["River Post", "Mortars hit the market."]] * 3 + [[f"Town {n * 'x'}", "Aid came."] for n in range(4)]
    assert 3 == read(path, pdf(some)).text.count("River Post")
    alone = [[f"Patrol {number} came under fire."] for number in range(5)]
    assert 5 == read(path, pdf(alone)).text.count("came under fire.")


def test_letters_beyond_ascii_and_beyond_16_bits_come_through(path):
    assert "“Où?” – 5 €" == read(path, pdf([["“Où?” – 5 €"]])).text
    cmap = b"begincmap 1 begincodespacerange <00><FF> endcodespacerange 1 beginbfchar <41> <D83DDE00> endbfchar endcmap"
    data = pdf([["A"]]).replace(b"/WinAnsiEncoding", b"/WinAnsiEncoding /ToUnicode 99 0 R")
    stream = b"99 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n2 0 obj" % (len(cmap), cmap)
    assert "\U0001f600" == read(path, data.replace(b"2 0 obj", stream, 1)).text


def test_a_scan_is_refused_with_its_pages_and_a_remedy(path):
    with pytest.raises(DataError, match=r"^has no text layer \(3 pages of images\); run OCR first$"):
        read(path, pdf([[], [], []]))
    with pytest.raises(DataError, match=r"\(1 page of images\)"):
        read(path, pdf([[]]))
    assert {"pages": 3, "pages_without_text": 2} == read(path, pdf([[], ["A caption."], []])).metadata


def test_a_file_with_a_password_is_refused_and_says_so(path):
    lock = f"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /O <{'11' * 32}> /U <{'22' * 32}> /P -4 >>"
    with pytest.raises(DataError, match=r"^is password-protected; save it without a password$"):
        read(path, pdf([["Secret."]], trailer=lock))
    other = "/ID [<00> <00>] /Encrypt << /Filter /Acme.Lock /V 9 >>"
    with pytest.raises(DataError, match=r"^is protected in a way that cannot be read; "):
        read(path, pdf([["Secret."]], trailer=other))


@pytest.mark.parametrize(
    "data",
    [b"", b"no PDF at all", b"%PDF-1.7\n", pdf([["Shells fell."]])[:300], pdf([])],
    ids=["empty", "garbage", "head", "truncated", "no pages"],
)
def test_what_is_no_whole_pdf_is_refused_in_one_line(path, data):
    with pytest.raises(DataError, match=r"^not a readable PDF file: .*; get it again$"):
        read(path, data)


def test_a_damaged_page_is_left_out_and_named(path, caplog):
    data = pdf([["First."], ["Second."], ["Third."]])
    document = read(path, data.replace(b"7 0 obj\n<< /Type /Page ", b"7 0 obj\n<< /Type /Pane "))
    assert ("First.\n\nThird.", [2]) == (document.text, document.metadata["unreadable_pages"])
    assert ["press/a.pdf: 1 of 3 pages are damaged and left out"] == caplog.messages


def test_more_pages_or_text_than_the_limit_are_refused(path):
    data = pdf([["The shelling went on."]] * 12)
    with pytest.raises(DataError, match="has 12 pages, more than"):
        read(path, data, Limits(document_bytes=11 * 1024))
    with pytest.raises(DataError, match="holds more text than a document may"):
        read(path, pdf([["The shelling went on."] * 60] * 2), Limits(document_bytes=2048))


def test_every_handle_of_pdfium_is_closed(path, monkeypatch):
    pairs = {
        "FPDF_LoadMemDocument64": "FPDF_CloseDocument",
        "FPDF_LoadPage": "FPDF_ClosePage",
        "FPDFText_LoadPage": "FPDFText_ClosePage",
    }
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        call = getattr(pdfium, name)
        monkeypatch.setattr(pdfium, name, lambda *args: (calls.update([name]), call(*args))[1])

    for name in [*pairs, *pairs.values()]:
        count(name)
    read(path, pdf([["First."], ["Second."]]))
    with pytest.raises(DataError):
        read(path, pdf([["The shelling went on."] * 60] * 3), Limits(document_bytes=4096))
    assert [2, 5, 5] == [calls[name] for name in pairs]
    assert [2, 5, 5] == [calls[name] for name in pairs.values()]


@given(st.binary(max_size=200), st.integers(0, 700), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_a_pdf_give_one_document_or_one_clear_refusal(noise, place, cut):
    whole = pdf([["Shells fell near the mill."], ["Nobody was hurt."]], info="/Title (T)")
    data = whole[:place] + noise + (b"" if cut else whole[place + len(noise) :])
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        assert hashlib.sha256(data).hexdigest() == read(Path(folder) / "a.pdf", data).sha256

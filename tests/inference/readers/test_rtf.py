"""What RTF files become: text in its encoding, without formatting, in bounded time, and what is no RTF refused."""

from __future__ import annotations

import hashlib
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, ReadOptions, Source
from eventroles.inference.readers.rtf import read_rtf
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

RUSSIAN = "Губернатор сообщил о трёх раненых."


def read(path: Path, data: bytes) -> Document:
    path.write_bytes(data)
    (document,) = read_rtf(Source(path, "press/a.rtf"), ReadOptions())
    assert isinstance(document, Document)
    return document


def escaped(text: str, encoding: str) -> bytes:
    return "".join(f"\\'{byte:02x}" for byte in text.encode(encoding)).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.rtf"


def test_a_file_is_a_document_of_paragraphs_with_its_title_date_and_author(path):
    info = (
        rb"{\info{\title Bridge \{north\} shelled}{\author In\'e9s Caro}{\creatim\yr2026\mo1\dy2\hr3\min4}{\keywords }}"
    )
    data = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss Arial;}}" + info
    data += rb"\pard\b Mortars\b0  hit the {\i old} bridge.\par" + b"\r\n" + rb"Nobody was hurt.\line Aid came.\par}"
    expected = Document(
        "press/a.rtf",
        hashlib.sha256(data).hexdigest(),
        "Mortars hit the old bridge.\n\nNobody was hurt.\nAid came.",
        title="Bridge {north} shelled",
        date="2026-01-02T03:04:00",
        metadata={"author": "Inés Caro"},
    )
    assert expected == read(path, data)


@pytest.mark.parametrize(
    ("words", "date"),
    [
        (rb"\yr2026\mo12\dy31", "2026-12-31"),
        (rb"\yr2026 \mo1 \dy2 \hr3 \min4 \sec5", "2026-01-02T03:04:05"),
        (rb"\yr2026\mo13\dy1", None),
        (rb"\yr2026\mo1\hr3", None),
    ],
)
def test_the_date_is_iso_8601_or_not_there(path, words, date):
    assert date == read(path, rb"{\rtf1{\info{\creatim" + words + rb"}}Shells fell.}").date


def test_letters_are_read_in_the_code_page_of_the_file_or_of_their_font(path):
    by_page = rb"{\rtf1\ansi\ansicpg1251 " + escaped(RUSSIAN, "cp1251") + rb"}"
    fonts = rb"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204{\*\falt Times};}{\f2\fcharset78 Osaka;}}"
    by_font = rb"{\rtf1\ansi\ansicpg1252" + fonts + rb"\f0 " + escaped("Où? ", "cp1252") + rb"\f1 "
    assert RUSSIAN == read(path, by_page).text
    assert f"Où? {RUSSIAN}" == read(path, by_font + escaped(RUSSIAN, "cp1251") + rb"}").text
    assert RUSSIAN == read(path, rb"{\rtf1\ansi\ansicpg1251 " + RUSSIAN.encode("cp1251") + rb"}").text
    assert "Où?" == read(path, rb"{\rtf1\ansi\ansicpg99999" + fonts + rb"\f2 O" + escaped("ù", "cp1252") + rb"?}").text


def test_unicode_escapes_are_read_and_two_halves_are_one_letter(path):
    assert "“Да” \U0001f600" == read(path, rb"{\rtf1\uc1\u8220?\u1044?\u1072?\u8221? \u-10179?\u-8704?}").text
    assert "�" == read(path, rb"{\rtf1\u-10179?}").text


def test_a_link_keeps_its_text_without_its_address(path):
    link = rb'{\field{\*\fldinst{HYPERLINK "http://example.org/a"}}{\fldrslt{\ul the mill}}}'
    assert "Rebels took the mill at dawn." == read(path, rb"{\rtf1 Rebels took " + link + rb" at dawn.}").text


def test_headers_and_pictures_are_left_out(path):
    picture = rb"{\pict\pngblip " + b"\n".join([b"89504e47" * 16] * 400) + rb"}"
    data = rb"{\rtf1{\header River Post}{\*\unknown x}" + picture + rb"Shells fell.}"
    assert "Shells fell." == read(path, data).text
    binary = rb"{\rtf1 Shells {\pict\bin4 }{}{}fell.}"
    assert "Shells fell." == read(path, binary).text


def test_a_backslash_before_par_is_text(path):
    assert r"C:\par is a path." == read(path, rb"{\rtf1 C:\\par is a path.}").text


@pytest.mark.parametrize("data", [b"", b"Shells fell.", b"{\\ltx1}", b"\xd0\xcf\x11\xe0", b"PK\3\4", b"\0" * 40])
def test_what_is_no_rtf_is_refused_with_a_remedy(path, data):
    with pytest.raises(DataError, match=r"^not an RTF file \(does not begin with \{\\rtf\); give it the extension of"):
        read(path, data)


@pytest.mark.parametrize("data", [rb"{\rtf1 Shells fell near", rb"{\rtf1{\b Shells}", rb"{\rtf1 \}"])
def test_a_file_that_is_cut_off_is_refused(path, data):
    with pytest.raises(DataError, match=r"^ends inside a group, so it is cut off; get it again"):
        read(path, data)


@pytest.mark.parametrize("damage", [rb"\u1234567", rb"\uc", rb"{\pict\bin x}", rb"\u-70000 "])
def test_numbers_that_cannot_be_are_refused_in_one_line(path, damage):
    with pytest.raises(DataError, match=r"^damaged RTF \(.*\); open it in a word processor and save it") as caught:
        read(path, rb"{\rtf1 Shells " + damage + rb" fell.}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "inside",
    [
        rb"{\fonttbl" + rb"{\f1" * 9000 + rb"}" * 9000 + rb"}",
        rb"{\fonttbl" + rb"\f1\fcharset0 " * 20_000 + rb"}",
        rb'{\field{\*\fldinst{HYPERLINK "' * 3000 + rb"}" * 9000,
        rb"{\info" + rb"{\title " * 9000 + rb"}" * 9001,
        rb"{\pict " + b"0123456789abcdef" * 1_000_000 + rb" " * 300_000 + rb"}",
        b"\\par" * 50_000,
    ],
    ids=["fonts", "charsets", "links", "titles", "picture", "paragraphs"],
)
def test_hostile_files_take_bounded_time(path, inside):
    start = time.monotonic()
    with suppress(DataError):
        assert "Shells fell." == read(path, rb"{\rtf1" + inside + rb" Shells fell.}").text
    assert time.monotonic() - start < 5


def test_senseless_nesting_is_refused(path):
    with pytest.raises(DataError, match="nested more than 10,000 deep"):
        read(path, rb"{\rtf1" + b"{" * 2_000_000)


WORDS = [
    "{",
    "}",
    "\\",
    "*",
    "'",
    " ",
    "par",
    "u",
    "uc",
    "f",
    "fonttbl",
    "info",
    "title",
    "bin",
    "pict",
    "ansicpg",
    "é",
]


@given(st.lists(st.sampled_from([*WORDS, "1", "-9", "a0", ";", "creatim", "yr"])))
@settings(max_examples=150, deadline=None)
def test_any_words_of_rtf_give_one_document_or_one_clear_refusal(words):
    data = ("{\\rtf1" + "".join(words) + "}").encode()
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        document = read(Path(folder) / "a.rtf", data)
        assert document.text == document.text.encode("utf-8").decode("utf-8")

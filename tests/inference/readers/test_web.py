"""What is read from web pages: the article and not the menus, in the page's own encoding, of hostile pages too."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, ReadOptions, Source
from eventroles.inference.readers.web import html_to_text, iso_date, read_html
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

ARTICLE = """<!DOCTYPE html>
<html lang="en"><head><title>Two killed at the ford - The Vessel Post</title>
<meta property="og:site_name" content="The Vessel Post"><meta name="author" content="Ana Torv">
<meta property="article:published_time" content="2024-03-05T10:15:00Z">
<link rel="canonical" href="https://vessel.example/ford"><style>p { color: red }</style></head>
<body><header><a href="/">The Vessel Post</a><nav><ul><li>Home</li><li>Weather</li></ul></nav></header>
<main><article><h1>Two killed at the ford</h1>
<p>Gunmen attacked a checkpoint at the ford on Tuesday,
killing two soldiers, the ministry said.</p><p>The army answered with artillery.</p>
<table><tr><th>Town</th><th>Dead</th></tr><tr><td>Arl</td><td>two</td></tr></table>
<ul><li>Five were wounded in the north.</li><li>Three were wounded in the south.</li></ul>
<p>Talks go on in the capital, where envoys met for the third day in a row without a statement.</p></article>
<section id="comments"><p>Great piece, I read it twice and sent it to all my friends.</p></section></main>
<aside><p>Also on this site: how to bake bread in an hour.</p></aside>
<footer><p>All rights reserved.</p></footer><script>var menu = "Sports";</script></body></html>"""

TEXT = """Two killed at the ford

Gunmen attacked a checkpoint at the ford on Tuesday, killing two soldiers, the ministry said.

The army answered with artillery.

Town\tDead

Arl\ttwo

Five were wounded in the north.

Three were wounded in the south.

Talks go on in the capital, where envoys met for the third day in a row without a statement."""


def read(folder: Path, page: str | bytes) -> Document:
    path = folder / "a.html"
    path.write_bytes(page if isinstance(page, bytes) else page.encode())
    (document,) = read_html(Source(path, "news/a.html"), ReadOptions())
    return document


def test_the_article_is_read_and_what_surrounds_it_is_not(tmp_path):
    assert read(tmp_path, ARTICLE) == Document(
        "news/a.html",
        hashlib.sha256(ARTICLE.encode()).hexdigest(),
        TEXT,
        title="Two killed at the ford",
        date="2024-03-05T10:15:00+00:00",
        metadata={
            "author": "Ana Torv",
            "url": "https://vessel.example/ford",
            "site": "The Vessel Post",
            "language": "en",
        },
    )


def test_lines_of_preformatted_wire_text_stay(tmp_path):
    lines = "Shells fell on the town at dawn.\nNobody was hurt.\n\nThe mayor said so on the radio."
    assert read(tmp_path, f"<html><body><pre>{lines}</pre></body></html>").text == lines


@pytest.mark.parametrize(
    "page",
    [
        "<nav>Menu</nav><header>Banner</header><p>Short.</p><footer>Imprint</footer><script>x()</script>",
        "<html><body><nav>Menu</nav><div>Short.</div><style>p {}</style></body></html>",
        "Short.",
    ],
)
def test_a_page_too_short_for_an_article_gives_its_text_without_navigation(tmp_path, page):
    assert read(tmp_path, page).text == "Short."


@pytest.mark.parametrize("page", ["", " \n", "<!-- nothing -->", "<html><nav>Menu</nav><script>x()</script></html>"])
def test_a_page_without_text_is_refused_with_a_remedy(tmp_path, page):
    with pytest.raises(DataError, match=r"^no text on this page .*; save the page once it is fully loaded$"):
        read(tmp_path, page)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso8859-5"),
        ('<meta charset="koi8-r">', "utf-8-sig"),  # the mark is stronger
        ('<meta charset="koi8-r">', "utf-16"),
        ('<meta charset="windows-1252">', "utf-8"),  # converted, and the declaration forgotten
        ('<meta charset="hex"><meta charset="windows-1251">', "utf-8"),  # a codec of Python, but no encoding
        ('<meta charset="no-such">', "utf-8"),
        ("", "utf-8"),
        ("", "cp1251"),
    ],
)
def test_a_page_is_read_in_its_encoding(tmp_path, head, encoding):
    text = "Неизвестные обстреляли колонну у переправы. Губернатор сообщил о трёх раненых."
    assert read(tmp_path, f"{head}<html><body><p>{text}</p></body></html>".encode(encoding)).text == text


def test_latin_1_means_what_browsers_take_it_for(tmp_path):
    page = '<meta charset="iso-8859-1"><p>The mayor’s “no” – final.</p>'.encode("cp1252")
    assert read(tmp_path, page).text == "The mayor’s “no” – final."


def test_a_broken_byte_costs_one_character_and_not_the_encoding(tmp_path):
    page = '<meta charset="utf-8"><p>Трое ранены при обстреле.</p>'.encode().replace("о".encode(), b"\xd0", 1)
    assert read(tmp_path, page).text == "Тр\ufffdе ранены при обстреле."


def test_a_truncated_page_gives_what_is_there(tmp_path):
    text = read(tmp_path, ARTICLE[: ARTICLE.index("artillery")]).text
    assert text.endswith("killing two soldiers, the ministry said.\n\nThe army answered with")


def test_a_binary_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="NUL bytes"):
        read(tmp_path, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


@pytest.mark.parametrize("tag", ["div", "span", "blockquote", "ul><li", "table><tr><td"])
def test_endless_nesting_is_refused_at_once(tmp_path, tag):
    before = time.monotonic()
    with pytest.raises(DataError, match=r"nested more than 2,000 deep"):
        read(tmp_path, f"<{tag}>" * 200_000 + "Deep text.")
    assert time.monotonic() - before < 20


@pytest.mark.parametrize("tag", ["div", "font", "blockquote", "ul><li", "table><tr><td"])
def test_tags_that_nobody_closed_lose_no_text(tmp_path, tag):
    text = read(tmp_path, "<body>" + f"<{tag}>" * 600 + "<p>Shells fell on the town.</p>").text
    assert text == "Shells fell on the town."


@pytest.mark.parametrize("date", ["March 5, 2024 10:15 S", "2024-03-05T10:15:00S", "Tue, 5 Mar 2024 10:15:00 XQT"])
def test_a_date_in_an_unknown_time_zone_gives_its_day_without_a_warning(tmp_path, date):
    page = (
        f'<html><head><meta property="article:published_time" content="{date}"></head><body><p>Text.</p></body></html>'
    )
    assert read(tmp_path, page).date == "2024-03-05"


def test_nothing_is_logged_of_pages_without_an_article(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG), suppress(DataError):
        read(tmp_path, "<html><nav>Menu</nav></html>")
    assert [] == [record.name for record in caplog.records if record.name.startswith("trafilatura")]


@given(data=st.binary(max_size=200) | st.text(alphabet="<>/=!?-\"' &;#aphtmlbodyx\n", max_size=200).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_one_document_or_one_clear_refusal(data):
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        assert read(Path(folder), data).text


def test_html_becomes_text_as_a_person_sees_it():
    html = """<title>T</title><div>Dear <b>a</b>ll,</div><div style="display: none">Preview</div><div><br></div>
        <p>One&nbsp;&amp;
        two<br>three</p><!-- no -->tail<script>x</script> more
        <table><tr><td>A</td> <td><i>b</i></td></tr><tr><td>c</td></tr></table><ul><li>x<li>y</ul>"""
    assert html_to_text(html) == "Dear all,\n\nOne\xa0& two\nthree\n\ntail more\n\nA\tb\n\nc\n\nx\n\ny"
    assert html_to_text("") == html_to_text("<!-- no -->") == ""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20240305T101500Z", "2024-03-05T10:15:00+00:00"),
        ("2024-03-05T10:15:00.123+0200", "2024-03-05T10:15:00+02:00"),
        ("2024-03-05 10:15", "2024-03-05T10:15:00"),
        (" 20240305 ", "2024-03-05"),
        ("2024-02-31", "2024-02-31"),
        ("5 March", "5 March"),
        (" ", None),
    ],
)
def test_dates_are_written_in_iso_8601_where_they_can_be_told(written, expected):
    assert iso_date(written) == expected

"""Drawings as SVG and PNG."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from eventroles.training.page.canvas import INK, Drawing, figure_files, inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#d55e00", marker="o")
    axes.set_title("a $x_1$ < b & 東京 \N{HEBREW LETTER ALEF}", color=INK)


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing("one", draw, 3.0, 2.0, 'A line "up" & <on>.')


def test_a_drawing_in_the_page_has_a_name_and_the_colours_of_the_page(drawing: Drawing) -> None:
    text = inline_svg(drawing, colours={"#d55e00": "var(--line-0)"})
    root = ElementTree.fromstring(text)
    assert ("img", 'A line "up" & <on>.') == (root.get("role"), root.get("aria-label"))
    assert "0 0 216 144" == root.get("viewBox")
    assert root.get("width") is None
    assert "var(--line-0)" in text
    assert "var(--ink)" in text
    assert "#d55e00" not in text
    assert "a $x_1$ < b & 東京" in "".join(root.itertext())


def test_two_drawings_in_a_page_share_no_id(drawing: Drawing) -> None:
    other = Drawing("two", draw, 3.0, 2.0, "Another.")
    texts = [inline_svg(one, colours={}) for one in (drawing, other)]
    ids = [re.findall(r'\bid="([^"]+)"', text) for text in texts]
    assert set() == set(ids[0]) & set(ids[1])
    for text, own in zip(texts, ids, strict=True):
        assert len(own) == len(set(own))
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', text)) <= set(own), "every reference has its target"


def test_the_same_drawing_gives_the_same_bytes_without_date_or_program(drawing: Drawing) -> None:
    files = figure_files(drawing)
    assert files == figure_files(drawing)
    assert ["one.svg", "one.png"] == list(files)
    assert b"dc:date" not in files["one.svg"]
    assert b"matplotlib" not in files["one.png"].lower()


def test_files_for_papers_have_letters_as_paths_and_200_dots_an_inch(drawing: Drawing) -> None:
    files = figure_files(drawing)
    assert b"<text" not in files["one.svg"]
    assert (600, 400) == struct.unpack(">II", files["one.png"][16:24])


def test_settings_of_the_user_change_nothing(drawing: Drawing) -> None:
    import matplotlib

    before = inline_svg(drawing, colours={})
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9}):
        assert before == inline_svg(drawing, colours={})
        assert 30 == matplotlib.rcParams["font.size"]

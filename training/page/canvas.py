"""Drawings as SVG inside a page and as files: the same bytes for the same drawing."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...labels.errors import require
from .words import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, FAINT, ACCENT = "#1b1e23", "#5a616b", "#cfd4db", "#0b57a4"
"""Colours of a drawing; inside a page they follow the page."""
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", FAINT: "var(--rule)", ACCENT: "var(--accent)"}
PNG_DPI = 200


@dataclass(frozen=True)
class Drawing:
    """A drawing that can be made several times.

    Attributes:
        name: of its files, and of its parts in the page.
        draw: draws on an empty figure.
        width: inches.
        height: inches.
        alternative: what it shows, in a sentence, for who cannot see it.
    """

    name: str
    draw: Callable[[Figure], None]
    width: float
    height: float
    alternative: str


def inline_svg(drawing: Drawing, *, colours: Mapping[str, str]) -> str:
    """Return a drawing as an ``<svg>`` element whose colours and fonts are the page's.

    Args:
        drawing: what to draw.
        colours: CSS values by the colours, ``#rrggbb``, that they stand for.
    """
    with _style(drawing.name, as_text=True):
        text = _save(_figure(drawing), "svg", transparent=True).decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Several drawings share a page, so no two may have an id in common.
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{drawing.name}-", text)
    text = re.sub(r"font: ([^;\"]*?)([\d.]+px) [^;\"]+", r"\1font-size: \2; font-family: inherit", text)
    for literal, value in {**_VARIABLES, **colours}.items():
        text = text.replace(literal, value)
    head = f'<svg viewBox="0 0 {drawing.width * 72:g} {drawing.height * 72:g}" xmlns="http://www.w3.org/2000/svg" '
    head += f'xmlns:xlink="http://www.w3.org/1999/xlink" role="img" aria-label="{_attribute(drawing.alternative)}">'
    return head + text[text.index(">") + 1 :].strip()


def figure_files(drawing: Drawing) -> dict[str, bytes]:
    """Return a drawing as files for papers, by name: SVG with letters as paths, and PNG at 200 dpi."""
    with _style(drawing.name, as_text=False):
        figure = _figure(drawing)
        return {f"{drawing.name}.{kind}": _save(figure, kind) for kind in ("svg", "png")}


def _figure(drawing: Drawing) -> Figure:
    figure: Figure = require("matplotlib.figure", extra="train").Figure(
        figsize=(drawing.width, drawing.height), layout="constrained"
    )
    drawing.draw(figure)
    with _no_glyph_warnings():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # or it is laid out anew, twice, for every file
    for axes in figure.axes:
        # The last digits of a layout differ from run to run, and ids are hashes of them.
        left, bottom, width, height = (round(part, 5) for part in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))
    return figure


def _save(figure: Figure, kind: str, *, transparent: bool = False) -> bytes:
    file = io.BytesIO()
    # No date and no program: the same drawing is to be the same file.
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with _no_glyph_warnings():
        figure.savefig(file, format=kind, dpi=PNG_DPI, metadata=metadata, transparent=transparent)
    return file.getvalue()


@contextmanager
def _no_glyph_warnings() -> Iterator[None]:
    """Keep quiet about letters that the font lacks: boxes stand for them in files, the page has other fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from font", category=UserWarning)
        yield


@contextmanager
def _style(salt: str, *, as_text: bool) -> Iterator[None]:
    """Set what all drawings share, whatever the user's matplotlib is told."""
    matplotlib = require("matplotlib", extra="train")
    ours: dict[str, Any] = {
        "svg.hashsalt": salt,
        "svg.fonttype": "none" if as_text else "path",
        "text.parse_math": False,  # labels may hold a $
        "font.family": ["DejaVu Sans"],  # comes with matplotlib
        "font.size": 8.5,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.frameon": False,
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(ours)
        yield


def _attribute(text: str) -> str:
    escapes = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))
    for one, other in escapes:
        text = text.replace(one, other)
    return printable(text)

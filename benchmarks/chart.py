"""A bar chart of speeds as SVG, with whiskers for the spread of the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from speeds import Speed

_WIDTH, _MARGIN, _LABELS, _VALUES = 860, 24, 250, 70
_ROW, _BAR, _TOP = 40, 20, 64
_FONT = "font-family=\"'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""
_INK, _FAINT, _OURS, _THEIRS = "#1b1f24", "#6b7280", "#5b93f5", "#9aa3af"


def draw_chart(speeds: Sequence[Speed], *, title: str, note: str) -> str:
    """Return a chart with one bar a speed, as long as its median; a line on it goes from the lowest to the highest.

    Args:
        speeds: at least one; those of eventroles get a colour of their own.
        title: the heading.
        note: the line below it.
    """
    largest = max(max(speed.rates) for speed in speeds)
    scale = (_WIDTH - 2 * _MARGIN - _LABELS - _VALUES) / largest
    height = _TOP + _ROW * len(speeds) - (_ROW - _BAR) + _MARGIN
    rows = [_draw_row(speed, _TOP + _ROW * index, scale=scale) for index, speed in enumerate(speeds)]
    described = "; ".join(f"{speed.name}: {speed.median:,.0f}" for speed in speeds)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" '
        f'aria-labelledby="title description" {_FONT}>'
    )
    frame = f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="10" fill="#fff" stroke="#d8dce1"/>'
    words = [
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(f"Medians. {described}.")}</desc>',
        frame,
        f'<text x="{_MARGIN}" y="30" font-size="16" font-weight="600" fill="{_INK}">{escape(title)}</text>',
        f'<text x="{_MARGIN}" y="49" font-size="12" fill="{_FAINT}">{escape(note)}</text>',
    ]
    return "\n".join([head, *words, *rows, "</svg>", ""])


def _draw_row(speed: Speed, y: int, *, scale: float) -> str:
    left, middle = _MARGIN + _LABELS, y + _BAR / 2
    length, low, high = (value * scale for value in (speed.median, min(speed.rates), max(speed.rates)))
    color = _OURS if speed.name.startswith("eventroles") else _THEIRS
    whisker = (
        f"M{left + low:.1f} {middle}H{left + high:.1f}M{left + low:.1f} {middle - 4}v8M{left + high:.1f} {middle - 4}v8"
    )
    label = f'x="{left - 10}" y="{middle + 4.5}" font-size="13" text-anchor="end" fill="{_INK}"'
    value = f'x="{left + max(length, high) + 8:.1f}" y="{middle + 4.5}" font-size="13" font-weight="600" fill="{_INK}"'
    return "\n".join(
        [
            f"<text {label}>{escape(speed.name)}</text>",
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3" fill="{color}"/>',
            f'<path d="{whisker}" stroke="{_INK}" stroke-width="1.3" fill="none"/>',
            f"<text {value}>{speed.median:,.0f}</text>",
        ]
    )

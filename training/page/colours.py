"""Colours of labels that can be told from the page, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass

from ...labels.labelset import LabelSet

PAPER, DARK_PAPER = "#ffffff", "#14171c"
"""Backgrounds of the page; `report.css` has the same."""
_LINE_CONTRAST = 3.2  # WCAG 2.2 asks 3:1 of graphics; a little more stands rounding


@dataclass(frozen=True)
class LabelColour:
    """The colours of one label, each ``#rrggbb``.

    Attributes:
        fill: as the label set has it, for areas that hold text.
        text: black or white, for text on ``fill``; at least 4.5:1.
        light: for lines and points on a light page.
        dark: the same on a dark page.
    """

    fill: str
    text: str
    light: str
    dark: str


def label_colours(labels: LabelSet) -> list[LabelColour]:
    """Return the colours of each label, in the order of the set."""
    return [_of(label.color.lower()) for label in labels.labels]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _of(color: str) -> LabelColour:
    # Of black and white one always reaches 4.5:1.
    text = max("#000000", "#ffffff", key=lambda one: contrast(one, color))
    light = _towards(color, "#000000", against=PAPER)
    return LabelColour(color, text, light, _towards(color, "#ffffff", against=DARK_PAPER))


def _towards(color: str, end: str, *, against: str) -> str:
    """Mix a colour with black or white, as little as makes it stand out."""
    for step in range(21):
        mixed = [round(a + (b - a) * step / 20) for a, b in zip(_channels(color), _channels(end), strict=True)]
        found = "#" + "".join(f"{one:02x}" for one in mixed)
        if contrast(found, against) >= _LINE_CONTRAST:
            return found
    return end


def _channels(color: str) -> list[int]:
    return [int(color[k : k + 2], 16) for k in (1, 3, 5)]


def _luminance(color: str) -> float:
    linear = [
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
        for one in (channel / 255 for channel in _channels(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

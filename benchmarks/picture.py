"""The picture of the README: an article as a model tagged it, as SVG.

Run: ``python benchmarks/picture.py runs/seeds docs/sample/1-wire-exchange-of-fire.txt docs/tagged.svg``
"""

from __future__ import annotations

import argparse
import textwrap
from html import escape
from pathlib import Path

from eventroles import TaggedSentence, Tagger

_WIDTH, _MARGIN, _LINE, _CHARACTERS = 860, 24, 21, 104
_FONT = "font-family=\"'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""


def draw(sentences: list[TaggedSentence], tagger: Tagger) -> str:
    """Return an SVG with each sentence under the chips of its roles."""
    labels = {label.name: label for label in tagger.labels.labels}
    parts: list[str] = []
    y = _MARGIN
    for sentence in sentences:
        x = _MARGIN + 12
        top = y
        for role in sentence.roles:
            title = f"{labels[role].title}  {sentence.scores[role]:.2f}"
            width = 7 * len(title) + 16
            parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="19" rx="9" fill="{labels[role].color}"/>')
            parts.append(f'<text x="{x + 8}" y="{y + 14}" font-size="12" font-weight="600" fill="#fff">{title}</text>')
            x += width + 8
        y += 24 if sentence.roles else 0
        for line in textwrap.wrap(" ".join(sentence.text.split()), _CHARACTERS):
            color = "#1b1f24" if sentence.roles else "#6b7280"
            parts.append(f'<text x="{_MARGIN + 12}" y="{y + 15}" font-size="15" fill="{color}">{escape(line)}</text>')
            y += _LINE
        bar = labels[sentence.roles[0]].color if sentence.roles else "#d8dce1"
        parts.append(f'<rect x="{_MARGIN}" y="{top}" width="4" height="{y - top}" rx="2" fill="{bar}"/>')
        y += 12
    height = y + _MARGIN - 12
    frame = f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="10" fill="#fff" stroke="#d8dce1"/>'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" {_FONT}>'
    )
    title = "<title>A news story with the roles of every sentence</title>"
    return "\n".join([head, title, frame, *parts, "</svg>", ""])


def main() -> None:
    """Tag an article and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("article", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sentences", type=int, default=8, help="how many from the start")
    arguments = parser.parse_args()
    tagger = Tagger.from_pretrained(arguments.model, device="cpu")
    sentences = tagger.tag(arguments.article.read_text(encoding="utf-8"))
    arguments.output.write_text(draw(sentences[: arguments.sentences], tagger), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Other ways of writing a sentence that leave its meaning alone."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .translated import translate

Perturbation = Callable[[str, random.Random], str]

_WORD = re.compile(r"[^\W\d_]{4,}")
_TYPO_SHARE = 0.1
_TO_STRAIGHT = str.maketrans("“”„‟‘’‚‛", "\"\"\"\"''''")
_TO_HYPHEN = {"—": " - ", "―": " - ", "–": "-", "−": "-"}


def _typos(text: str, random: random.Random) -> str:
    """Make a slip of the keyboard in about one word of ten: letters swapped, dropped or doubled, never the first."""

    def slip(match: re.Match[str]) -> str:
        word = match[0]
        if random.random() >= _TYPO_SHARE:
            return word
        at = random.randrange(1, len(word) - 1)
        kind = random.choice(("swap", "drop", "double"))
        if kind == "swap":
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + (word[at] * 2 if kind == "double" else "") + word[at + 1 :]

    return _WORD.sub(slip, text)


def _title(text: str) -> str:
    return re.sub(r"(?<![\w'’])[a-z]", lambda match: match[0].upper(), text)


def _curl(text: str) -> str:
    """Curl straight quotes: opening ones at the start of a word, closing ones and apostrophes elsewhere."""
    text = re.sub(r"(^|[\s(\[—–-])\"", r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(\[—–“-])'", r"\1‘", text).replace("'", "’")


def _drop_punctuation(text: str) -> str:
    """Drop what stands between words; a point in a number, a hyphen or an apostrophe in a word stays."""
    text = re.sub(r"(?<!\w)[^\w\s]+|[^\w\s]+(?!\w)|(?<=[^\W\d])[,;:.!?](?=\w)", " ", text)
    return " ".join(text.split())


def _drop_end(text: str) -> str:
    return re.sub(r"[.!?…]+([\"'”’)\]]*)\s*$", r"\1", text)


def _split_tokens(text: str) -> str:
    """Put spaces around punctuation, as corpora that were tokenised by a machine have them (Penn Treebank style)."""
    text = re.sub(r"(\w)(n['’]t)\b", r"\1 \2", text)
    text = re.sub(r"(\w)(['’](?:s|re|ve|ll|d|m))\b", r"\1 \2", text, flags=re.IGNORECASE)
    text = re.sub(r"([\"“”()\[\];:?!…—–]|(?<!\d),|,(?!\d)|\.(?=[\"”')\]]*\s*$))", r" \1 ", text)
    return " ".join(text.split())


def _hyphens(text: str) -> str:
    for dash, hyphen in _TO_HYPHEN.items():
        text = text.replace(f" {dash} ", " - ").replace(dash, hyphen)
    return text


def _entities(text: str) -> str:
    """Write what HTML writes as entities, as extraction that was not finished leaves it."""
    names = {"’": "&rsquo;", "‘": "&lsquo;", "“": "&ldquo;", "”": "&rdquo;", "–": "&ndash;", "—": "&mdash;"}
    text = html.escape(text).replace("&#x27;", "&#39;")
    text = "".join(names.get(one, one if one.isascii() else f"&#{ord(one)};") for one in text)
    return re.sub(r"(?<=\d) (?=\w)", "&nbsp;", text)


def _always(change: Callable[[str], str]) -> Perturbation:
    return lambda text, _: change(text)


PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType(
    {
        "lower case": _always(str.lower),
        "upper case": _always(str.upper),
        "title case": _always(_title),
        "typos": _typos,
        "straight quotes": _always(lambda text: text.translate(_TO_STRAIGHT)),
        "curly quotes": _always(_curl),
        "no final punctuation": _always(_drop_end),
        "no punctuation": _always(_drop_punctuation),
        "machine-tokenised": _always(_split_tokens),
        "dashes as hyphens": _always(_hyphens),
        "doubled spaces": _always(lambda text: text.replace(" ", "  ")),
        "no-break spaces": _always(lambda text: text.replace(" ", "\N{NO-BREAK SPACE}")),
        "HTML entities": _always(_entities),
        "translated style": _always(translate),
    }
)
"""By name, each a function of a text and a source of randomness, which only typos use."""


def perturb(text: str, name: str, *, seed: int) -> str:
    """Return a text written another way; the same for the same text, name and seed.

    Raises:
        KeyError: there is no perturbation of that name in `PERTURBATIONS`.
    """
    return PERTURBATIONS[name](text, random.Random(f"{seed} {name} {text}"))

"""Finding what news copy carries besides news: datelines, bylines, credits, sign-offs; the rules are in a YAML file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from ..labels.yamlfile import parse_yaml

_LONGEST_LINE = 500  # characters: nothing longer is a byline or a credit
_PIECE = re.compile(r"\{([a-z_]+)\}")  # not a repetition such as {1,4}
_OPENING = re.compile(r"[^\W\d_][\w-]*")
_CASED = (*range(0x41, 0x590), *range(0x1E00, 0x2000))  # Latin, Greek, Cyrillic, Armenian


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """What of a sentence is no news.

    Attributes:
        rule: name of the rule that found it; of several leads in a row, the last one.
        end: characters from the start of the sentence that are boilerplate: its length if all of it is.
    """

    rule: str
    end: int


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence that a rule must match, and what of it remains as content; nothing does if a line is matched."""

    text: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of ``boilerplate.yaml``.

    Attributes:
        name: what newsrooms call it.
        kind: ``line`` matches a whole sentence, ``lead`` its start.
        pattern: a verbose regular expression, its pieces put in.
        why: one sentence.
        examples: sentences that it matches.
        counterexamples: sentences that no rule may match.
        no_report: True if sentences with a word of ``report_words`` are left alone; for lines only.
        opens_with: every first word that a match can have, in small letters, signs and digits aside; empty if any
            will do.
    """

    name: str
    kind: Literal["line", "lead"]
    pattern: str
    why: str
    examples: tuple[Example, ...]
    counterexamples: tuple[str, ...]
    no_report: bool = False
    opens_with: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Patterns:
    lines: re.Pattern[str]
    lines_with_any_opening: re.Pattern[str]
    leads: re.Pattern[str]
    report_words: re.Pattern[str]
    no_report: frozenset[str]
    openings: frozenset[str]


def find_boilerplate(sentence: str) -> Boilerplate | None:
    """Say how much of a sentence, as ``split_sentences`` cuts it, is boilerplate; None if all of it is content.

    A lead may follow another: in "UPDATE 1-KHARET, March 3 (Northwire) - Two men died." both are boilerplate and
    the dateline, being the last, is named. Takes any string, in time linear in its length.

    Example: ``find_boilerplate("By Lena Okoro") == Boilerplate("byline", 13)``
    """
    patterns = _compiled()
    if len(sentence) <= _LONGEST_LINE:
        # Few sentences open with a word that opens a line of boilerplate: the others are spared most patterns.
        opening = _OPENING.match(sentence)
        usual = opening and opening[0].lower() not in patterns.openings
        line = (patterns.lines_with_any_opening if usual else patterns.lines).fullmatch(sentence)
        if line and not (line.lastgroup in patterns.no_report and patterns.report_words.search(sentence)):
            return Boilerplate(str(line.lastgroup), len(sentence))
    found, end = None, 0
    while (lead := patterns.leads.match(sentence, end)) and lead.end() > end:
        found, end = lead.lastgroup, lead.end()
    return Boilerplate(found, end) if found else None


@cache
def load_rules() -> tuple[Rule, ...]:
    """Read the rules of ``boilerplate.yaml``, in their order."""
    data = _read_file()
    pieces = _letters()
    for name, pattern in data["pieces"].items():
        pieces[name] = _put_in(pattern, pieces)
    return tuple(_rule(entry, pieces) for entry in data["rules"])


@cache
def _read_file() -> dict[str, Any]:
    text = (resources.files(__package__) / "boilerplate.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, source="boilerplate.yaml").data


def _rule(entry: dict[str, Any], pieces: dict[str, str]) -> Rule:
    examples = (Example(one) if isinstance(one, str) else Example(**one) for one in entry["examples"])
    made = {
        "pattern": _put_in(entry["pattern"], pieces),
        "examples": tuple(examples),
        "counterexamples": tuple(entry["counterexamples"]),
        "opens_with": frozenset(entry.get("opens_with", ())),
    }
    return Rule(**{**entry, **made})


def _put_in(pattern: str, pieces: dict[str, str]) -> str:
    return _PIECE.sub(lambda match: pieces[match[1]], pattern)


def _letters() -> dict[str, str]:
    """Return the capital and the small letters, to stand within brackets of a pattern."""
    letters = [chr(code) for code in _CASED]
    return {
        "upper": "A-Z" + "".join(one for one in letters if one.isupper() and not one.isascii()),
        "lower": "a-z" + "".join(one for one in letters if one.islower() and not one.isascii()),
    }


@cache
def _compiled() -> _Patterns:
    rules = load_rules()
    lines = [rule for rule in rules if rule.kind == "line"]
    return _Patterns(
        lines=_any_of(lines),
        lines_with_any_opening=_any_of([rule for rule in lines if not rule.opens_with]),
        leads=_any_of([rule for rule in rules if rule.kind == "lead"]),
        report_words=re.compile(_read_file()["report_words"], re.VERBOSE),
        no_report=frozenset(rule.name for rule in rules if rule.no_report),
        openings=frozenset(word for rule in rules for word in rule.opens_with),
    )


def _any_of(rules: list[Rule]) -> re.Pattern[str]:
    """Return one pattern for all; a match's ``lastgroup`` is the name of its rule."""
    return re.compile("|".join(f"(?P<{rule.name}>{rule.pattern}\n)" for rule in rules), re.VERBOSE | re.DOTALL)

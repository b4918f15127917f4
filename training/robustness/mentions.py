"""Where a text names an actor, and in which form."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from .actors import FORMS, bare, load_lexicon

# After a word of these a nationality is a noun ("an Israeli was"); before any other it is an adjective.
_FUNCTION_WORDS = re.compile(
    "was|were|is|are|be|been|has|have|had|who|whom|whose|that|which|in|on|at|from|by|to|of|for|with|as|after|before|when|"
    "while|where|but|than|and|or|not|will|would|can|could|may|might|should|must|died|said|say|says|killed|wounded|dead|"
    "injured|hit|struck|sent"
)
_ONE = re.compile("an?|one|another|each|every")
_COUNTS = re.compile(
    r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|dozens of|hundreds of|scores of|"
    r"some|several|many|more|dead|armed|suspected|young))\s+$",
    re.IGNORECASE,
)
_PLACES = re.compile("in|into|near|across|inside|outside|over|around|through|within|throughout")
_MODIFIERS = "(?:north|south|east|west|north-?west|north-?east|south-?west|south-?east)(?:ern)?|central"


@dataclass(frozen=True)
class Mention:
    """An actor named in a text.

    Attributes:
        actor: its name in the lexicon.
        form: one of `FORMS`, or ``place``.
        start: offset of the first character, a "the" that belongs to the name included.
        end: offset behind the last one, a possessive ending included.
        article: the "the" before it as the text has it; empty if there is none.
        modifier: a direction between article and name, such as "southern"; empty if there is none.
        name: the name as the text has it.
        takes_article: whether the lexicon has the name with "the".
        possessive: "'s", "’s" or a bare apostrophe; empty if there is none.
        attributive: used like an adjective: "US troops", "Hamas-run".
        shouted: in capitals, though it is not written so by itself.
    """

    actor: str
    form: str
    start: int
    end: int
    article: str
    modifier: str
    name: str
    takes_article: bool
    possessive: str
    attributive: bool
    shouted: bool


@dataclass(frozen=True)
class _Surface:
    actor: str
    forms: tuple[str, ...]
    takes_article: bool
    text: str


@lru_cache(maxsize=65_536)
def find_mentions(text: str) -> tuple[Mention, ...]:
    """Return the actors that a text names, in its order: whole words, the longest name where several begin.

    Names count as the lexicon writes them, in capitals, or in small letters if the whole text is in small letters.
    """
    surfaces, pattern = _surfaces(), _pattern()
    quiet, loud = text == text.lower(), text == text.upper()
    found = []
    for match in pattern.finditer(text):
        name = match["name"].replace("’", "'")
        surface = surfaces.get(name)
        shouted = loud
        if surface is None and name == name.upper():
            surface, shouted = _shouted_surfaces().get(name), True
        elif surface is None and quiet and len(name) > 3:  # "us" is a pronoun there
            surface = _quiet_surfaces().get(name)
        if surface is None or (loud and len(name) < 3):
            continue
        found.append(_mention(text, match, surface, shouted=shouted))
    return tuple(found)


def _mention(text: str, match: re.Match[str], surface: _Surface, *, shouted: bool) -> Mention:
    article, modifier = match["article"] or "", match["modifier"] or ""
    possessive = match["possessive"] or ""
    if possessive in ("'", "’") and not (surface.text.endswith("s") and _no_quote_opens(text[: match.start()])):
        possessive = ""
    end = match.end("name") + len(possessive)
    after = re.match(r"\s+([A-Za-z]+)", text[end:])
    before = re.search(r"([A-Za-z]+)\s+$", text[: match.start()])
    word_after = after[1].lower() if after and not possessive else ""
    word_before = before[1].lower() if before else ""
    attributive = text[end : end + 1] == "-" or word_after in load_lexicon().nouns
    is_country = load_lexicon().actors[surface.actor].kind == "country"
    if is_country and surface.takes_article and not article and not possessive and not shouted:
        attributive = attributive or _may_be_noun(word_after)  # "its UK head", but "the UK has"
    forms = set(surface.forms)
    if forms <= {"name", "army", "seat", "capital"}:
        form = surface.forms[0]
        if form == "name" and not attributive and _is_place(text, match, surface, word_before):
            form = "place"
    elif "name" in forms and not _COUNTS.search(text[: match.start()]):
        form = "name"  # the Houthis as such, where "forty Houthis" are people
    else:
        form = _people_or_adjective(forms, word_before, _ends_phrase(text[end:], word_after) or bool(possessive))
    return Mention(
        actor=surface.actor,
        form=form,
        start=match.start(),
        end=end,
        article=article.strip(),
        modifier=modifier.strip(),
        name=match["name"],
        takes_article=surface.takes_article,
        possessive=possessive,
        attributive=attributive,
        shouted=shouted,
    )


def _is_place(text: str, match: re.Match[str], surface: _Surface, word_before: str) -> bool:
    if load_lexicon().actors[surface.actor].kind != "country":
        return False
    in_dateline = re.search(r"\w, $", text[: match.start()]) and re.match(r",|/| ?[(—–-]", text[match.end() :])
    return bool(match["modifier"] or _PLACES.fullmatch(word_before) or in_dateline)


def _may_be_noun(word: str) -> bool:
    return bool(word) and not _FUNCTION_WORDS.fullmatch(word) and not word.endswith(("s", "ed"))


def _people_or_adjective(forms: set[str], before: str, ends_phrase: bool) -> str:
    noun = [form for form in ("person", "people") if form in forms]
    if "adjective" in forms and (not noun or not ends_phrase):
        return "adjective"
    if len(noun) == 2:
        return "person" if _ONE.fullmatch(before) else "people"
    return noun[0]


def _ends_phrase(rest: str, word_after: str) -> bool:
    if rest.startswith("-"):
        return False
    return (
        bool(_FUNCTION_WORDS.fullmatch(word_after))
        or not re.match(r"\W*\w", rest)
        or bool(re.match(r"[.;:!?\"”]", rest))
    )


def _no_quote_opens(before: str) -> bool:
    return not re.search(r"(?:^|[^\w])['‘]\w", before)


@cache
def _surfaces() -> Mapping[str, _Surface]:
    forms: dict[str, list[str]] = defaultdict(list)
    owner: dict[str, tuple[str, bool]] = {}
    for actor in load_lexicon().actors.values():
        given = dict(actor.forms)
        if actor.kind == "country" or "adjective" in given or "person" in given:
            given.setdefault("person", given.get("adjective", ()))
            given.setdefault("people", tuple(f"{person}s" for person in given["person"]))
        for form in FORMS:
            for name in given.get(form, ()):
                plain = bare(name)
                for written in {plain, plain[0].upper() + plain[1:]}:  # al-Qaeda, and Al-Qaeda at the start
                    if form not in forms[written]:
                        forms[written].append(form)
                    owner.setdefault(written, (actor.name, name != plain))
    return {name: _Surface(owner[name][0], tuple(found), owner[name][1], name) for name, found in forms.items()}


@cache
def _shouted_surfaces() -> Mapping[str, _Surface]:
    return {name.upper(): surface for name, surface in _surfaces().items()}


@cache
def _quiet_surfaces() -> Mapping[str, _Surface]:
    return {name.lower(): surface for name, surface in _surfaces().items()}


@cache
def _pattern() -> re.Pattern[str]:
    """Return the pattern of all names, those that stand for something else among them: they are found and let go."""
    lexicon = load_lexicon()
    names = {*_surfaces(), *lexicon.others}
    longest_first = sorted(
        {*names, *map(str.upper, names), *map(str.lower, names)}, key=lambda name: (-len(name), name)
    )
    # Without a modifier first: South Sudan is a country and no part of Sudan.
    either = "|".join(re.escape(name).replace("'", "['’]") for name in longest_first)
    return re.compile(
        rf"(?<![\w])(?P<article>[Tt]he\s|THE\s)?(?P<modifier>(?i:{_MODIFIERS})\s)??"
        rf"(?P<name>{either})(?!\w)(?P<possessive>['’][sS](?!\w)|['’](?=\s[a-z]))?"
    )

"""Other actors put in the place of those that a text names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .actors import bare, load_lexicon
from .mentions import Mention, find_mentions

_DETERMINED = re.compile(
    r"\b(?:an?|this|that|these|those|its|his|her|their|our|my|your|no|some|any|many|most)\s+$", re.IGNORECASE
)
# Behind one of these a name is no subject: "an affiliate of the Houthis has".
_NO_SUBJECT = re.compile(r"\b(?:of|by|with|from|in|to|for|against|on|at|near|between|and|or)\s+$", re.IGNORECASE)
_STARTS = re.compile(r"(?:^|[.!?:]['\"’”)]*\s+|\s[-–—]\s)[\"'“‘(\[]*$")
_SENTENCE_END = re.compile(r"[.!?…]['\"’”)\]]*\s*$")
_PLURAL_VERBS = {"has": "have", "is": "are", "was": "were", "says": "say", "does": "do"}
_SINGULAR_VERBS = {plural: singular for singular, plural in _PLURAL_VERBS.items()}
_OPENING = re.compile(r" ?(?:\(| -lrb- )")
_CLOSING = re.compile(r"\)| -rrb-")
_SPELLED = re.compile(r"[FHLMNRSX](?![AEIOUaeiouy])[A-Z0-9]")
_PLURAL_COUNTRIES = ("the United States", "the Philippines", "the United Arab Emirates")


def swap_actors(text: str, mapping: Mapping[str, str]) -> str:
    """Return a text with actors replaced by others, all at once, so that two may change places.

    Each mention keeps its form (country, nationality, people, capital, army), its case and its possessive; articles,
    "a" or "an" and a verb right behind the name follow the new name. Names inside other words stay.

    Args:
        text: a sentence, or several.
        mapping: names of the lexicon: who is replaced by whom.

    Raises:
        KeyError: a name in ``mapping`` is not in the lexicon.

    Example:
        >>> swap_actors("Israeli jets struck Gaza.", {"Israel": "Gaza", "Gaza": "Israel"})
        'Palestinian jets struck Israel.'
    """
    actors = load_lexicon().actors
    if unknown := sorted({*mapping, *mapping.values()} - actors.keys()):
        raise KeyError(f"{unknown[0]!r} is no actor of the lexicon")
    headline = not _SENTENCE_END.search(text)
    pieces: list[str] = []
    done, last = 0, ""
    for mention in find_mentions(text):
        if mention.actor not in mapping or _stays(mention, mapping[mention.actor]):
            continue
        before, after = text[done : mention.start], text[mention.end :]
        closing = _CLOSING.match(after)
        if mention.actor == last and _OPENING.fullmatch(before) and closing:
            done = mention.end + closing.end()  # "the Revolutionary Armed Forces (FARC)" needs no second name
            continue
        last = mention.actor
        new = _write(mention, mapping[mention.actor], text, headline=headline)
        pieces += [_agree_article(before, new) if before else before, new]
        done = mention.end
        if mention.name.endswith(".") and _SENTENCE_END.match("." + after) and not after.strip("'\"’”)] "):
            pieces.append(".")  # the full stop of "in the U.S." ends the sentence as well
        verb = "" if _NO_SUBJECT.search(before) else _other_verb(mention, mapping[mention.actor], after)
        if verb:
            pieces.append(verb)
            done += len(_first_word(after))
    return "".join([*pieces, text[done:]])


def _stays(mention: Mention, target: str) -> bool:
    """Whether a mention is of a place, and the new actor has none to put there."""
    return mention.form in ("place", "capital") and not load_lexicon().actors[target].has_places


def _write(mention: Mention, target: str, text: str, *, headline: bool) -> str:
    lexicon = load_lexicon()
    form = mention.form
    hyphen = text[mention.end : mention.end + 1] == "-"
    if form == "name" and mention.attributive and not mention.possessive and not hyphen:
        form = "adjective"
    written = lexicon.write(target, form)
    new, takes_article = bare(written), written != bare(written)
    article = mention.article
    if form in ("name", "place", "army", "seat", "capital") and not mention.attributive:
        if mention.takes_article:
            article = article if takes_article else ""
        elif takes_article and not article and not headline and not _DETERMINED.search(text[: mention.start]):
            article = "the"
    starts = bool(_STARTS.search(text[: mention.start]))
    phrase = " ".join(part for part in (article, mention.modifier, new) if part)
    if starts and (mention.article or mention.modifier or mention.name)[0].isupper():
        # The first word was capital for its place, or by itself; the new one is either way.
        phrase = phrase[0].upper() + phrase[1:]
    phrase += _possessive(mention, written)
    if text == text.lower():
        return phrase.lower()
    return phrase.upper() if mention.shouted else phrase


def _possessive(mention: Mention, written: str) -> str:
    if not mention.possessive:
        return ""
    mark = mention.possessive[0]
    return mark if written.endswith("s") and written.startswith("the ") else mark + "s"


def _agree_article(before: str, new: str) -> str:
    """Return the text before a name with its "a" or "an" as the name wants it."""
    found = re.search(r"\b([Aa]n?|AN?)(\s+)$", before)
    if not found:
        return before
    article = found[1][0] + ("" if not _takes_an(new) else "N" if found[1] == "AN" else "n")
    return before[: found.start()] + article + found[2]


def _takes_an(word: str) -> bool:
    lower = word.lower()
    if lower.startswith("u"):
        return lower.startswith(("ul", "uz"))  # "a Ukrainian", "a UNITA"; "an Ulster", "an Uzbek"
    if _SPELLED.match(word):
        return True
    return lower.startswith(("a", "e", "i", "o")) and not lower.startswith("eu")


def _other_verb(mention: Mention, target: str, after: str) -> str:
    """Return the verb right behind a name, changed to the number of the new one; empty if nothing changes."""
    if mention.form not in ("name", "seat", "army", "place") or mention.possessive:
        return ""
    lexicon = load_lexicon()
    old = _is_plural(lexicon.actors[mention.actor].forms["name"][0]) if mention.form == "name" else False
    new = _is_plural(lexicon.write(target, mention.form))
    verbs = _PLURAL_VERBS if new else _SINGULAR_VERBS
    verb = _first_word(after)
    if old == new or verb.strip() not in verbs:
        return ""
    return verb.replace(verb.strip(), verbs[verb.strip()])


def _first_word(after: str) -> str:
    """Return the first word of a text, with the space before it; empty if the text does not begin with a space."""
    found = re.match(r"\s\w+\b", after)
    return found[0] if found else ""


def _is_plural(written: str) -> bool:
    return written.startswith("the ") and written.endswith("s") and written not in _PLURAL_COUNTRIES

"""English as machine translation from news of other languages reads: by rules of ours, not by a translation system."""

from __future__ import annotations

import re

# The rules keep what a sentence says, and who says it: no act, toll, speaker or reason comes or goes. They were written
# from habits of translated wire copy: dropped articles, nouns for verbs, the present for the past in words of saying.
_CALENDAR = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
# An active verb: no form of "be" or "have" before it, and what was hit behind it.
_ACTIVE = r"(?<!\bwas )(?<!\bwere )(?<!\bbeen )(?<!\bbeing )(?<!\bbe )(?<!\bare )(?<!\bis )(?<!\bnot )\b"
_OBJECT = r"(?= (?:the|a|an|its|their|his|two|three|four|five|six|seven|eight|nine|ten|several|[A-Z0-9]))"
_SUBJECT = (
    r"^((?:The |A |An )?(?:[A-Z]\w+ )?(?i:jets|aircraft|warplanes|helicopters|drones|troops|forces|soldiers|army|"
    r"police|artillery|gunmen|militants|rebels|fighters|militiamen|insurgents))"
)

_RULES: tuple[tuple[str, str], ...] = (
    (rf"{_SUBJECT} shelled{_OBJECT}", r"By \1 was carried out shelling of"),
    (rf"{_SUBJECT} bombed{_OBJECT}", r"By \1 was carried out bombing of"),
    (rf"{_SUBJECT} (?:struck|attacked){_OBJECT}", r"By \1 was carried out a strike on"),
    (rf"{_ACTIVE}shelled{_OBJECT}", "carried out shelling of"),
    (rf"{_ACTIVE}bombed{_OBJECT}", "carried out bombing of"),
    (rf"{_ACTIVE}raided{_OBJECT}", "carried out raid on"),
    (rf"{_ACTIVE}ambushed{_OBJECT}", "carried out ambush of"),
    (rf"{_ACTIVE}attacked{_OBJECT}", "carried out attack on"),
    (rf"\bwas (shelled|bombed|raided|attacked) by{_OBJECT}", r"has been \1 from the side of"),
    (rf"\b(strike|raid|attack) (?:hit|struck){_OBJECT}", r"\1 was carried out on"),
    (rf"\b[Ii]n (?!(?:{_CALENDAR})\b)(?=[A-Z][\w-]+)", "on the territory of "),
    (r"\baccording to\b", "as is informed by"),
    (r"\bAccording to\b", "As is informed by"),
    (r"\btold (?:reporters|journalists)\b", "states to journalists"),
    (rf"{_ACTIVE}(?<!\bhad )(?<!\bhas )(?<!\bhave )said\b(?! to\b)", "states"),
    (rf"{_ACTIVE}announced that\b", "makes announcement that"),
    (rf"{_ACTIVE}warned that\b", "gives warning that"),
    (r"\bwas (killed|wounded|injured)\b", r"is \1"),
    (r"\bwere (killed|wounded|injured)\b", r"are \1"),
    (r"\bgunmen\b", "armed persons"),
    (r"\bGunmen\b", "Armed persons"),
    (r"\bsoldiers\b", "servicemen"),
    (r"\bSoldiers\b", "Servicemen"),
    (r"\bmilitants\b", "militant elements"),
    (r"\bMilitants\b", "Militant elements"),
    (r"\bsecurity forces\b", "forces of security"),
    (r"\b([A-Z]\w+)['’]s (army|military|government|president|parliament|capital|territory|police)\b", r"\2 of \1"),
    (r"\b(?:the|a|an) (?=\w)", ""),
)
_COMPILED = tuple((re.compile(pattern), written) for pattern, written in _RULES)


def translate(text: str) -> str:
    """Return a sentence in translated style.

    The rules are few and of our making; how a model fares under them hints at how it fares on translated news, and
    does not measure it.
    """
    for pattern, written in _COMPILED:
        text = pattern.sub(written, text)
    text = re.sub(r"^(?:The|A|An) (?=\w)", "", text)
    return text[:1].upper() + text[1:]

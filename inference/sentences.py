"""Splitting news text into sentences with exact offsets.

A text is first cut into units (headlines, bullets, paragraphs), hard-wrapped paragraphs being put together again. In
each unit sentencex proposes sentence ends; our rules for news text veto some of its proposals and add others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import sentencex

from .boilerplate import Boilerplate, find_boilerplate


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text: ``text == source[start:end]``, no white space at either end; ``index`` counts from 0.

    ``boilerplate`` is the dateline, byline or the like that it begins with or consists of.
    """

    index: int
    start: int
    end: int
    text: str
    boilerplate: Boilerplate | None = None

    @property
    def content(self) -> str:
        """The text without its boilerplate; empty if all of it is."""
        return self.text[self.boilerplate.end :] if self.boilerplate else self.text


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


# Words that open a sentence after an abbreviation: "left the U.S. He said" ends at "U.S.", "the U.S. Army" does not.
# The second group opens one only before a lower-case word: "U.S. Officials said", but "U.S. Police Federation".
_OPENER = r"""(?:
    (?:The|An?|This|That|These|Those|There|Here|He|She|It|They|We|You|His|Her|Its|Their|Our|In|On|At|By|For|From|With
      |After|Before|During|Since|Until|When|While|Where|As|If|Although|Because|But|And|So|Yet|Some|Several|Many|Both
      |Another|Earlier|Later|Meanwhile|However|Instead|Then|Now|Once|Among|Between|Despite|According|Following|No)\b
  | (?:Officials|Police|Troops|Soldiers|Authorities|Residents|Witnesses|Survivors|Villagers|Relatives|Diplomats|Rebels
      |Analysts|Experts|Rescuers|Medics|Militants|Gunmen|Insurgents|Protesters|Fighters|Commanders|Investigators|Critics
      |Lawmakers|Doctors|People|Hundreds|Thousands|Dozens|One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Most|All
      |Nobody|Neither|Each|Every|Other|Others|More|Fewer|Nearly|About|Under|Such)\s[a-z]
)"""
_DAY = r"(?:Mon|Tues?|Wed|Wednes|Thu|Thurs?|Fri|Sat|Satur|Sun)(?:day\b|\.)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
_ZONE = r"(?:[A-Z]{1,4}T|UTC|Eastern|Central|Mountain|Pacific|[A-Z]\w+\stime)\b"
_TITLE = r"""(?<!\w)(?:Gen|Maj|Lt|Col|Brig|Capt|Sgt|Cpl|Pvt|Pfc|Spc|Adm|Cmdr|Cdr|Cmdt|Comdr|Rep|Sen|Gov|Amb|Asst|Dep
  |Det|Insp|Supt|Pres|Rev|Hon|Prof|Dr|Mr|Mrs|Ms|Mohd|Messrs|Msgr|Fr|St|Ste|Mt|Ft|Sec|Atty|Vol|vs)\."""
_FIRM = r"(?:Inc|Corp|Co|Ltd|Jr|Sr|Bros|Dept)"

# Every rule is matched on a window around one possible sentence end, which "‖" marks, "\s" after it standing for all
# the white space there. A rule may begin at any of the _BEFORE characters before the mark, but not after it.
_BEFORE, _AFTER = 20, 120
_ANYWHERE = f"(?s:.{{0,{_BEFORE}}}?)"
# Ends that one of these finds are none:
_NO_END = re.compile(
    rf"""{_ANYWHERE}(?:
    {_TITLE}‖                                     # "Maj.-Gen. Ali", "Capt. Diarra", "St. Petersburg"
  | (?i:{_TITLE})‖\s[A-Z]{{2}}                     # "GEN. ALI: We will respond": speakers of a transcript
  | \(\w{{3,4}}\.\)‖                              # "Brig. Gen. (ret.) Hassan"
  | (?<!\w)(?:{_MONTH}|Nos?|pp?|Art|Fig|approx|est|ca?|max|min|tel)\.‖\s\d  # "Sept. 14", "No. 3", "approx. 20"
  | [ap]\.m\.‖\s(?:\(|{_DAY}|{_MONTH}|{_ZONE})   # "5 a.m. Monday", "6 p.m. GMT", "5 p.m. (1600 GMT)"
  | ‖\s[-–—]+\s                                   # "Photographed in 2019. - Rebels hold", "WASHINGTON, D.C. — The"
  | ‖\s/[A-Z]{{3,12}}/ | /[A-Z]{{3,12}}/\.‖         # "MINSK, August 2. /AGENCY/. Two": another kind of dateline
  | ‖\s[(\[](?!Reporting|Additional|Writing|Editing)[^()!?\[\]]{{0,80}}[^()!?.\[\]][)\]]\Z
                                                  # "The town in May. (Photo by J. Roe)": a credit, not a sentence
  | (?:\.\.|…)["”’)]*‖\sI\b                       # "I ... I ran": the capital of "I" says nothing
  | [!?]["”’]‖\s(?:[A-Z][\w’'.-]*\s){{1,4}}       # '"Stop!" Col. Ali shouted': whoever speaks belongs to the speech
    (?:said|says|asked|told|added|shouted|cried|wrote|replied|yelled|screamed|called|tweeted|posted|warned|chanted)\b
  | (?<!\w)(?:(?:[A-Z]\.){{2,}}|{_FIRM}\.)‖\s(?!{_OPENER})[A-Z]   # "the U.S. Sixth Fleet", "Acme Corp. Chairman"
    )""",
    re.VERBOSE,
)

# Ends that sentencex does not see:
_END = re.compile(
    rf"""{_ANYWHERE}(?:
    (?:(?:\w\.){{2,}}|(?<!\w)(?:{_MONTH}|{_FIRM}|etc|al|Ave|Blvd))\.?["”’)]*‖\s["“‘(]*{_OPENER}
                                                  # "back in the U.S. Officials said", "of Acme Inc. The"
  | (?<!\w)May["”’]?\.["”’)]*‖\s["“‘(]*[A-Z]           # "in May. Troops": never an abbreviation
  | (?<!\w)[A-Z]{{2,}}\.["”’)]*‖\s["“‘(]*(?:[A-Z]?[a-z]|A\s)  # "of 400 MT. The ship": "Mt." is one, "MT" is not
  | [a-z]\s[A-Z]\.["”’)]*‖\s{_OPENER}             # "in zone B. Residents fled"
  | …["”’)\]]*‖\s["“‘(]*[A-Z]                     # "nothing … Then": as after three full stops
  | [a-z]{{2}}[.!?]["”’]+‖\s["“‘(]*[A-Z]          # 'said “no.” Aides agreed'
    )""",
    re.VERBOSE,
)

# A unit that opens with a dateline and its full stop: "MADRID. The court", "LIMA, 3 May 1999. Two".
_DATELINE = re.compile(r"(?=.{4,38}\Z)[A-Z]{3,}[A-Z ’'-]*(?:,[\w ,]+)?\.\Z")
# In a headline every word may have a capital: "More Raids by U.S. And Allies".
_HEADLINE_NAME = re.compile(rf"{_ANYWHERE}(?<!\w)(?:(?:[A-Z]\.){{2,}}|{_FIRM}\.)‖")
# No white space at the end: only "they fled.The army" is a forgotten space; "www.site.Org", "a.B@c.org" are not.
_GLUED = re.compile(r"(?:^|[\s\"“(])[a-z’'-]{2,}[.!?]+[\"”’)]*‖[\"“]?[A-Z][a-z]*[\s,’']|[。！？｡]\W*‖")

_STOP = re.compile(r"[.!?…][\"”“’'»)\]]{0,4}(?=\s)")
# What belongs to a sentence after its stop: „Ja.“, « Oui. », "Ten died.[3]"
_CLOSING = re.compile(r"[\"”’'»)\]]*(?:“(?=\s|\Z))?(?:[ \u00a0\u202f]»| ''(?!\w))?(?:\[\d{1,3}\])*")
_TERMINATED = re.compile(r"[.!?…:;][\"”“’'»)\]\s]{0,4}\Z")
_QUOTE = re.compile(r"[\"“”„«»‘`()\[\]\s]|(?<!\w)'|'(?!\w)")
_LOWER_NAME = re.compile(r"(?:a[ldnrstz]|ash|el)-\w|[ei][A-Z]")
_MARKER = re.compile(r"(?<!\S)(\d{1,2})[.)](?=\s+[\"“‘A-Z])")
_MARKER_ONLY = re.compile(r"\(?(?:\d{1,2}|[A-Za-z])[.)]+")
_NO_LIST = re.compile(rf"(?:(?<!\w)(?:Nos?|{_MONTH})\.|[^.:;!?–—\s-])\s*\Z")
_BULLET = re.compile(r"[*•·▪▫■□●○◦‣∙➤►✓-]|[–—]\s(?![a-z])|\(?(?:\d{1,2}|[A-Za-z])[.)]\s")
_OPEN_LINE = re.compile(r"(?:,|\s[-–—]|\s(?:an?|the|of|in|on|at|to|by|for|from|with|and|or|but|that|as|its))\Z")
_TITLE_LAST = re.compile(rf"(?:{_TITLE}|(?<!\w)[A-Z]\.)\Z", re.VERBOSE)
_WRAPPED_LINE = range(40, 121)  # characters: the lines that software breaks; longer ones are paragraphs


def split_sentences(text: str) -> list[Sentence]:
    """Split news text into sentences, headlines, bullets and the like being sentences of their own.

    Takes any string, lone surrogates included, in time linear in its length.

    Example: ``[s.text for s in split_sentences("Lt. Gen. Ali left. Why?")] == ["Lt. Gen. Ali left.", "Why?"]``

    Returns:
        The sentences in order. They do not overlap, and every character outside them is white space.
    """
    spans = (span for unit in _units(text) for span in _split_unit(text, unit))
    return [_sentence(text, index, span) for index, span in enumerate(spans)]


def _sentence(text: str, index: int, span: _Span) -> Sentence:
    found = text[span.start : span.end]
    return Sentence(index, span.start, span.end, found, find_boilerplate(found))


def _units(text: str) -> Iterator[_Span]:
    """Yield paragraphs and lines that stand alone; a hard-wrapped paragraph is one unit."""
    blocks = _blocks(text)
    widths = [_wrap_width(text, block) for block in blocks]
    document_width = max(widths, default=0)
    for block, block_width in zip(blocks, widths, strict=True):
        width = block_width or document_width
        start = block[0].start
        for line, following in pairwise(block):
            if not _flows_on(text[line.start : line.end], text[following.start : following.end], width):
                yield _Span(start, line.end)
                start = following.start
        yield _Span(start, block[-1].end)


def _blocks(text: str) -> list[list[_Span]]:
    """Return the lines without their white space, grouped where blank lines part them."""
    lines, position = [], 0
    for line in text.splitlines(keepends=True):
        start = position + len(line) - len(line.lstrip())
        lines.append(_Span(start, max(start, position + len(line.rstrip()))))
        position += len(line)
    return [list(block) for filled, block in groupby(lines, key=lambda line: line.start < line.end) if filled]


def _wrap_width(text: str, block: list[_Span]) -> int:
    """Return the length of the longest line that is certainly broken in mid sentence, 0 if none is."""
    pairs = ((text[line.start : line.end], text[after.start : after.end]) for line, after in pairwise(block))
    return max((len(a) for a, b in pairs if len(a) in _WRAPPED_LINE and _is_broken(a, b)), default=0)


def _is_broken(line: str, following: str) -> bool:
    """Say whether a sentence surely goes on in the next line: "… and the town of | the same name"."""
    if _TERMINATED.search(line[-9:]) or _BULLET.match(following):
        return False
    goes_on = following[:9].lstrip("-–— \"“‘'(")
    return bool(_OPEN_LINE.search(line[-9:])) or (goes_on[:1].islower() and not _LOWER_NAME.match(goes_on))


def _flows_on(line: str, following: str, width: int) -> bool:
    """Say whether a line break is one of hard wrapping, not the end of a headline, byline, bullet or paragraph."""
    if len(line) >= _WRAPPED_LINE.stop or _BULLET.match(following):
        return False
    if _OPEN_LINE.search(line) or _TITLE_LAST.search(line):  # "BAMAKO, Sept 14 — | At least", "said Lt. | Gen. Ali"
        return True
    if _is_broken(line, following) and (width or len(line) in _WRAPPED_LINE):
        return True
    if line.isupper() and not following.isupper():  # a headline in capitals
        return False
    # Wrapping breaks a line only where the next word no longer fits, so a line that had room for it ended by intent.
    return len(line) <= width < len(line) + 1 + len(following.split(maxsplit=1)[0])


def _split_unit(text: str, unit: _Span) -> Iterator[_Span]:
    """Yield the sentences of one unit."""
    inside = text[unit.start : unit.end]
    start = previous = 0
    for end in [*_ends(inside), len(inside)]:
        piece = inside[previous:end].strip()
        previous = end
        # A list marker ("1.") or an elision ("(…)") goes with what follows it.
        if end < len(inside) and (_MARKER_ONLY.fullmatch(piece) or not any(map(str.isalnum, piece))):
            continue
        sentence = inside[start:end]
        first = unit.start + start + len(sentence) - len(sentence.lstrip())
        yield _Span(first, first + len(sentence.strip()))
        start = end


def _ends(unit: str) -> list[int]:
    """Return where sentences end within a unit, its own end aside."""
    proposed = _propose(unit)
    markers = _list_markers(unit)
    after_marker = {marker.end for marker in markers}
    is_cased = unit != unit.lower()
    is_headline = len(unit) < _WRAPPED_LINE.stop and not _TERMINATED.search(unit[-9:])
    ends = {marker.start for marker in markers if marker.start > 0}
    for end in proposed.union(match.end() for match in _STOP.finditer(unit)):
        if end in after_marker or end == len(unit):
            continue
        if end < 40 and _DATELINE.match(unit[:end]):
            continue
        after = unit[end : end + _AFTER]
        window = unit[max(0, end - _BEFORE) : end] + "‖" + " " * after[:1].isspace() + after.lstrip()
        if _is_end(window, proposed=end in proposed, is_cased=is_cased, is_headline=is_headline):
            ends.add(end)
    return sorted(ends)


def _is_end(window: str, *, proposed: bool, is_cased: bool, is_headline: bool) -> bool:
    """Say whether a sentence ends at the "‖" of a window."""
    after = window.rpartition("‖")[2]
    if not after.startswith(" ") and not _GLUED.search(window):
        return False
    if after.lstrip(" \"“‘'`").startswith((".", "!", "?", "…")):  # "So ... ? Then"
        return False
    # '"Stop!" he shouted', "the U.S. troops"; texts without capitals are left to sentencex.
    goes_on = after.lstrip(" \"“‘'`(")
    if is_cased and goes_on[:1].islower() and not _LOWER_NAME.match(goes_on):
        return False
    if is_headline and _HEADLINE_NAME.match(window):
        return False
    return (proposed or bool(_END.match(window))) and not _NO_END.match(window)


def _propose(unit: str) -> set[int]:
    """Return the sentence ends that sentencex sees."""
    # It never splits between quotation marks or brackets, and fails on lone surrogates: hide them, length unchanged.
    masked = re.sub("[\ud800-\udfff]", "x", _QUOTE.sub(" ", unit))
    ends = set()
    for boundary in sentencex.get_sentence_boundaries("en", masked):
        seen = len(masked[boundary["start_index"] : boundary["end_index"]].rstrip())
        closing = _CLOSING.match(unit, boundary["start_index"] + seen)
        if seen and closing:
            ends.add(closing.end())
    return ends


def _list_markers(unit: str) -> list[_Span]:
    """Return the markers of a list within a unit: "Its aims: 1. Hold the town 2. Free the road"."""
    markers = list(_MARKER.finditer(unit))
    numbered = [marker for number, marker in enumerate(markers, start=1) if int(marker[1]) == number]
    # The first one opens the unit or follows a stop, unlike "group 1. The others were in group 2. They", "No. 1. He".
    if len(numbered) < 2 or _NO_LIST.search(unit[max(0, numbered[0].start() - 9) : numbered[0].start()]):
        return []
    return [_Span(marker.start(), marker.end()) for marker in numbered]

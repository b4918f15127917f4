"""Boilerplate of news copy: every example of the rules, the whole seed corpus, hostile text."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from eventroles.inference.boilerplate import Boilerplate, Rule, find_boilerplate, load_rules
from eventroles.inference.sentences import split_sentences
from eventroles.labels import LabelSet, Record, read_records
from hypothesis import given
from hypothesis import strategies as st

RULES = load_rules()
CORPUS = Path(__file__).parents[2] / "seeds" / "corpus"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    labels = LabelSet.load("roles")
    return [record for path in sorted(CORPUS.glob("*.jsonl")) for record in read_records(path, labels)]


def _content(sentence: str) -> str:
    found = find_boilerplate(sentence)
    return sentence[found.end :] if found else sentence


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_finds_its_examples_and_leaves_their_content(rule: Rule) -> None:
    expected = [(one.text, rule.name, one.content) for one in rule.examples]
    found = [(one.text, find_boilerplate(one.text)) for one in rule.examples]
    assert expected == [(text, one and one.rule, text[one.end :] if one else text) for text, one in found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_finds_a_counterexample(rule: Rule) -> None:
    assert {} == {text: found for text in rule.counterexamples if (found := find_boilerplate(text))}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_of_the_file_has_its_shape(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", rule.name)
    assert rule.kind in ("line", "lead")
    assert re.fullmatch(r"[A-Z][^.]+\.", rule.why)
    assert len(rule.examples) >= 2
    assert len(rule.counterexamples) >= 2
    assert all(one.text.endswith(one.content) for one in rule.examples)
    if rule.kind == "line":
        assert [] == [one for one in rule.examples if one.content]
    else:
        assert [] == sorted(rule.opens_with)
        assert not rule.no_report
    assert [] == sorted(word for word in rule.opens_with if word != word.lower())


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.opens_with], ids=lambda rule: rule.name)
def test_the_first_words_of_examples_are_listed(rule: Rule) -> None:
    words = [match[0].lower() for one in rule.examples if (match := re.match(r"[^\W\d_][\w-]*", one.text))]
    assert [] == [word for word in words if word not in rule.opens_with]


def test_names_of_rules_are_given_once() -> None:
    assert [] == [name for name, times in Counter(rule.name for rule in RULES).items() if times > 1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_pattern_repeats_without_bound_or_takes_a_group_of_its_own(rule: Rule) -> None:
    without_classes = re.sub(r"\\.|\[(?:\\.|[^\]\\])+\]", "x", rule.pattern)
    assert None is re.search(r"[*+]|\{\d+,\}", without_classes)
    assert 0 == re.compile(rule.pattern, re.VERBOSE).groups


def test_a_slug_and_a_dateline_are_both_boilerplate_and_the_last_is_named() -> None:
    text = "UPDATE 1-KHARET, March 3 (Northwire) - Two men died."
    assert Boilerplate("dateline", len(text) - len("Two men died.")) == find_boilerplate(text)


@pytest.mark.parametrize(
    ("sentence", "content"),
    {
        "GAO (NW) — Two fled.": "Two fled.",
        "LA PAZ - Two fled.": "Two fled.",
        "COX'S BAZAR, Velmora - Two fled.": "Two fled.",
        "N’DOLEN, Velmora, Friday — Two fled.": "Two fled.",
        "KHARET, Velmora, March 22, 1991 - Two fled.": "Two fled.",
        "KHARET, Velmora/PORT DOLEN — Two fled.": "Two fled.",
        "ХАРЕТ, Велмора — Двое погибли.": "Двое погибли.",
        "E\u0301VRE\u0301 (NW) - Two fled.": "Two fled.",
        "KHARET, Sept. 14 (NW) —\u00a0“Two fled,” he said.": "“Two fled,” he said.",
        "KHARET, 14 JUN 89 (NW) -- [TEXT] TWO MEN FLED.": "TWO MEN FLED.",
        "[Text] Kharet, 8 Oct (NW) -- Two fled.": "Two fled.",
        "KHARET, Velmora -LRB- NW -RRB- _ Two fled .": "Two fled .",
        "KHARET, March 3\n(Northwire) - Two\nfled.": "Two\nfled.",
        "KHARET, March 3 —": "",
    }.items(),
)
def test_datelines_of_many_houses_are_cut_where_the_content_starts(sentence: str, content: str) -> None:
    assert content == _content(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "NATO — the alliance — met on Friday.",
        "Kharet, once a port – now a ruin – was hit.",
        "Monday, 3 March – Shells fell.",
        "The port (Northwire said) - a ruin - was hit.",
        "He said: KHARET, March 3 (Northwire) - two men died.",
        "KILLED - Two guards of the mill",
        "By noon, Kharet Radio Had Fallen Silent, the army said",
        "By 9 March Kharet had fallen",
        "Photo editors were held in Kharet.",
        "A timestamp of 3 March 2026, 10:15 GMT stood on the tape.",
        "Copyright 2026 figures say that two men were shot.",
        "",
        " ",
    ],
)
def test_sentences_that_only_look_like_boilerplate_are_left_alone(sentence: str) -> None:
    assert None is find_boilerplate(sentence)


def test_no_sentence_of_the_corpus_with_a_role_is_boilerplate_as_a_whole(records: list[Record]) -> None:
    whole = [one for one in records if (found := find_boilerplate(one.text)) and found.end == len(one.text)]
    assert [] == [one.place for one in whole if one.roles or one.unsure]
    assert 149 == len(whole), "of the sentences without a role; look at what changed, then change the number"


def test_the_leads_of_the_corpus_leave_a_sentence(records: list[Record]) -> None:
    leads = [
        (one.text, found) for one in records if (found := find_boilerplate(one.text)) and found.end < len(one.text)
    ]
    assert 180 < len(leads)
    assert [] == [text for text, found in leads if found.end > 60]
    # Lower-case texts and an opening quotation aside, what is left opens like a sentence.
    cased = [text[found.end :] for text, found in leads if text != text.lower()]
    assert [] == [content for content in cased if not re.match(r"[\"“‘'$£(]?[A-Z0-9]", content)]


def test_sentences_of_the_splitter_are_found_with_their_datelines_and_credits() -> None:
    text = (
        "Two die in Kharet\nBy Lena Okoro\n\nKHARET, March 3 (Northwire) - Two men died. The army denied it.\n\n"
        "(Reporting by Lena Okoro; Editing by Tom Hale)\n\n© 2026 Northwire. All rights reserved.\n"
    )
    found = [(found.rule if (found := find_boilerplate(one.text)) else "") for one in split_sentences(text)]
    assert ["", "byline", "dateline", "", "sign_off", "copyright", "copyright"] == found


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ["KHARET", "Kharet", "By", " ", ", ", "March 3", "(NW)", " - ", "—", "Photo:", "©", "2026", "\n", "\ud800"]
        )
    ).map("".join)
)
def test_any_text_gives_nothing_or_an_end_within_it(text: str) -> None:
    found = find_boilerplate(text)
    assert found is None or 0 < found.end <= len(text)


HOSTILE = [
    *("A", "a ", "A ", "AB ", "A, ", "A/", "(", "(A", " ", "-", ". ", "1 ", "1:", "\n", "’", "| ", "A | ", "@a.", "© "),
    *(
        "By A ",
        "By Lena Okoro, ",
        "(LEAD) ",
        "KHARET - ",
        "Photo: A ",
        "Monday, ",
        "March 3, ",
        "AA'",
        "and A, ",
        "ENDS ",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "By ", "KHARET, ", "(Reporting by ", "Photo: ", "Published "])
def test_hostile_sentences_take_no_time(start: str, piece: str) -> None:
    for length in (480, 100_000):  # characters: as long as a line may be, and far longer
        text = (start + piece * length)[:length]
        begun = time.process_time()
        find_boilerplate(text)
        assert 0.3 > time.process_time() - begun  # seconds; most take some microseconds

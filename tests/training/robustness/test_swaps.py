"""Swapping actors: whole names, in their form and case, all at once, and nothing else of the text."""

from __future__ import annotations

import pytest
from eventroles.training.robustness.actors import load_lexicon
from eventroles.training.robustness.mentions import find_mentions
from eventroles.training.robustness.swaps import swap_actors
from hypothesis import given
from hypothesis import strategies as st

ISRAEL_GAZA = {"Israel": "Gaza", "Gaza": "Israel"}
ISRAEL_HAMAS = {"Israel": "Hamas", "Hamas": "Israel"}
NAMES = sorted(load_lexicon().actors)
WORDS = sorted({one for actor in load_lexicon().actors.values() for names in actor.forms.values() for one in names})


@pytest.mark.parametrize(
    ("expected", "text", "mapping"),
    [
        ("Palestinian jets struck Israel.", "Israeli jets struck Gaza.", ISRAEL_GAZA),
        ("Kyiv's guns hit a Russian post, Ukraine said.", "Moscow's guns hit a Ukrainian post, Russia said.",
         {"Russia": "Ukraine", "Ukraine": "Russia"}),
        ("An Ethiopian soldier shot two Spaniards.", "A French soldier shot two Turks.",
         {"France": "Ethiopia", "Turkey": "Spain"}),
        ("American troops left as the United States denied it.", "Chadian troops left as Chad denied it.",
         {"Chad": "United States"}),
        ("Mali denied it; Mali has men in southern Mali.", "The U.S. denied it; the US has men in the southern US.",
         {"United States": "Mali"}),
        ("Iranian troops left.", "US troops left.", {"United States": "Iran"}),
        ("The Houthis have a post.", "Hamas has a post.", {"Hamas": "Houthis"}),
        ("An affiliate of the Houthis has a post.", "An affiliate of Hamas has a post.", {"Hamas": "Houthis"}),
        ("A Taliban commander met the Taliban's men.", "A Houthi commander met the Houthis' men.",
         {"Houthis": "Taliban"}),
        ("It met the Philippines' envoy.", "It met Kenya's envoy.", {"Kenya": "Philippines"}),
        ("They shot an ELN fighter.", "They shot a PKK fighter.", {"PKK": "ELN"}),
        ("They shot an MNLA fighter.", "They shot a PKK fighter.", {"PKK": "MNLA"}),
        ("The Chadian army fired.", "The IDF fired.", {"Israel": "Chad"}),
        ("The Chadian government said so.", "The Kremlin said so.", {"Russia": "Chad"}),
        ("An Iran-backed group", "A Russia-backed group", {"Russia": "Iran"}),
        ("They fought in Iran.", "They fought in the U.S.", {"United States": "Iran"}),
        ("Fighters of Hamas said so.", "Fighters of the Revolutionary Armed Forces of Colombia (FARC) said so.",
         {"FARC": "Hamas"}),
    ],
)  # fmt: skip
def test_a_name_is_replaced_in_its_form(expected: str, text: str, mapping: dict[str, str]) -> None:
    assert expected == swap_actors(text, mapping)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("GAZA STRIKES ISRAEL", "ISRAEL STRIKES GAZA"),
        ("ISRAEL/GAZA CITY, June 19 - Palestinian jets", "GAZA/JERUSALEM, June 19 - Israeli jets"),
        ("palestinian jets struck israel .", "israeli jets struck gaza ."),
    ],
)
def test_capitals_and_small_letters_are_kept(expected: str, text: str) -> None:
    assert expected == swap_actors(text, ISRAEL_GAZA)


@pytest.mark.parametrize(
    "text",
    [
        "Indianapolis, McChad and Chadwick are other words.",
        "The Washington Post, New Mexico and the Indian Ocean stay.",
        "he told us in turkey trousers",
        "Nothing happened.",
    ],
)
def test_names_inside_other_words_and_other_names_stay(text: str) -> None:
    assert text == swap_actors(text, dict.fromkeys(("India", "United States", "Mexico", "Chad"), "Iran"))


def test_the_longest_name_counts() -> None:
    text = "South Sudan's army, Sudan's army and southern Sudan."
    assert "South Sudan's army, Chad's army and southern Chad." == swap_actors(text, {"Sudan": "Chad"})
    assert ["Islamic Jihad", "al-Qaeda in the Islamic Maghreb"] == [
        one.actor for one in find_mentions("Palestinian Islamic Jihad met AQIM.")
    ]


def test_a_group_takes_a_countrys_place_but_not_its_towns_unless_it_fights_for_one() -> None:
    text = "Israel struck Hamas posts after rockets fell in southern Israel."
    assert "Hamas struck Israeli posts after rockets fell in southern Gaza." == swap_actors(text, ISRAEL_HAMAS)
    text = "Turkey struck a base in Turkey, Ankara said."
    assert "The PKK struck a base in Turkey, Ankara said." == swap_actors(text, {"Turkey": "PKK"})


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="Atlantis"):
        swap_actors("Israel fired.", {"Israel": "Atlantis"})


@given(st.text(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_any_text_without_a_name_stays_as_it_is(text: str, old: str, new: str) -> None:
    if not find_mentions(text):
        assert text == swap_actors(text, {old: new})


@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(["struck", "the", "a", "'s", ",", "."])), max_size=8),
    st.sampled_from(NAMES),
)
def test_a_replaced_actor_is_gone_and_the_rest_is_still_there(words: list[str], new: str) -> None:
    text = " ".join(words)
    for old in {mention.actor for mention in find_mentions(text)} - {new, load_lexicon().actors[new].side}:
        if load_lexicon().actors[new].has_places:
            mentions = [one for one in find_mentions(swap_actors(text, {old: new})) if one.actor == old]
            assert [] == [one.name for one in mentions], text

"""Groups of near-duplicates: what joins, what must not, and that the ids are the same everywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from eventroles.inference.dataset.duplicates import Clusters, normalise, sentences, stories
from eventroles.labels.errors import EventRolesError
from hypothesis import given, settings
from hypothesis import strategies as st

PRESETS = pytest.mark.parametrize("make", [stories, sentences])

PARAGRAPHS = [
    "Shells fell on the harbour of Tarvena for 2 hours, and the pilot said that nobody had been warned of it. The guns "
    "stood on a ridge that the army had left in spring, a shepherd told our reporter on his way to the well.",
    "The governor flew to the capital to ask for guns, but came back with a promise and a pair of rusty trucks.",
    "A nurse in the hospital counted 19 wounded, most of them dockers from the early shift on the northern quay.",
    "No group said that it had fired, though a leaflet found near the ridge had threatened the port last week.",
    "Fishing boats stayed out until dark, because nobody on the mole dared to light the lamps for their return.",
]
STORY = "\n\n".join(PARAGRAPHS)
OTHER = (
    "Talks on the pits of Orlen broke off at noon when the owners left the hall by a side door. The miners stayed, and "
    "asked for soup. A judge had given both sides until Friday to name a sum, his clerk said, and neither had done so. "
    "The strike began in the week before Easter over a lift that had been out of order since the winter floods."
)
# Twenty-three words, so that one changed word leaves too little in common.
SENTENCE = (
    "The governor's aide said on Monday that “gunmen in grey coats” had stopped the night train, taken 12 sailors "
    "and burned the signal house"
)


def _ids(make: Callable[[], Clusters], texts: list[str]) -> list[str]:
    clusters = make()
    return [clusters.add(text) for text in texts]


def _joins(make: Callable[[], Clusters], first: str, second: str) -> bool:
    one, other = _ids(make, [first, second])
    return one == other


@pytest.mark.parametrize(
    "copy",
    [
        f"Port of Tarvena under fire\n\n{STORY}",
        f"TARVENA, May 3 (Agency) - {STORY}",
        "\n\n".join(PARAGRAPHS[:4]),
        STORY.replace("19 wounded", "23 wounded"),
        STORY.upper(),
    ],
    ids=["headline", "dateline", "cut", "number", "capitals"],
)
def test_syndicated_copy_joins_its_story(copy: str) -> None:
    assert STORY != copy
    assert _joins(stories, STORY, copy)


def test_another_story_is_a_story_of_its_own() -> None:
    assert not _joins(stories, STORY, OTHER)


def test_a_story_that_repeats_half_of_another_is_a_story_of_its_own() -> None:
    assert not _joins(stories, STORY, "\n\n".join([OTHER, *PARAGRAPHS[2:]]))


@pytest.mark.parametrize(
    "copy",
    [
        SENTENCE.upper(),
        SENTENCE.replace("“", '"').replace("”", '"').replace("'", "’"),
        SENTENCE.replace(",", " —") + ".",
        f"  {SENTENCE}\n".replace(" ", "\u00a0"),
        f"{SENTENCE}, officials said.",
    ],
    ids=["capitals", "quotes", "dash", "spaces", "attribution"],
)
def test_a_sentence_in_another_style_joins(copy: str) -> None:
    assert SENTENCE != copy
    assert _joins(sentences, SENTENCE, copy)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It began at 5:30 p.m. in the U.S. consulate", "It began at 5.30pm in the US consulate"),
        ("Some 1,500 miners fled the pit at Orlen", "Some 1500 miners fled the pit at Orlen"),
        ("They didn't reach the bridge at all", "They didn’t reach the bridge at all"),
    ],
)
def test_a_number_or_a_time_in_another_style_joins(one: str, other: str) -> None:
    assert _joins(sentences, one, other)


LONG = f"{SENTENCE} before they rode off along the river towards the old salt works and the road to the northern border"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("12", "120"),
        ("12", "1,2"),
        ("12", "twelve"),
        ("had stopped", "had not stopped"),
        ("had stopped", "hadn't stopped"),
        ("12", "no"),
        ("12", "12 3"),
    ],
)
def test_sentences_with_other_numbers_or_negations_stay_apart_however_long(old: str, new: str) -> None:
    assert LONG.count(old) == 1
    assert _joins(sentences, LONG, LONG.replace("grey", "green"))
    assert not _joins(sentences, LONG, LONG.replace(old, new))


def test_numbers_that_changed_places_keep_sentences_apart() -> None:
    text = f"{LONG}, killing 3 and wounding 30"
    assert not _joins(sentences, text, f"{LONG}, killing 30 and wounding 3")


def test_three_killed_and_thirty_killed_are_two_reports() -> None:
    texts = ["The blast killed 3.", "The blast killed 30.", "Killed: 3", "Killed: 30", "the blast killed 3."]
    ids = _ids(sentences, texts)
    assert 4 == len(set(ids))
    assert ids[0] == ids[4]


@PRESETS
def test_texts_too_short_for_shingles_join_when_they_are_equal_but_for_style(make: Callable[[], Clusters]) -> None:
    assert _joins(make, "“Hold  on”", "\"hold on''")
    assert not _joins(make, "Hold on", "Hold on!")


@PRESETS
def test_the_first_of_a_group_gives_it_its_id(make: Callable[[], Clusters]) -> None:
    copy = f"{LONG}, he said"
    ids = _ids(make, [LONG, "Nobody answered.", copy])
    assert [ids[0], ids[1], ids[0]] == ids
    assert ids[0] == _ids(make, [LONG.upper()])[0]
    assert ids[0] != _ids(make, [copy, LONG])[1]
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in ids)


def test_a_text_like_two_leaders_joins_the_earlier_one() -> None:
    words = [f"{first}{second}" for first in "bcdfghklmn" for second in ("ara", "ora", "ira")]

    def make() -> Clusters:
        return Clusters(threshold=0.6, shingle=1, num_perm=256)

    left, middle, right = " ".join(words[:20]), " ".join(words[3:23]), " ".join(words[6:26])
    assert not _joins(make, left, right)
    for texts in ([left, right, middle], [right, left, middle]):
        ids = _ids(make, texts)
        assert ids[0] == ids[2]
    assert 1 == len(set(_ids(make, [middle, left, right])))


@PRESETS
def test_leaders_alone_are_counted(make: Callable[[], Clusters]) -> None:
    clusters = make()
    for text in [LONG, LONG, f"{LONG}, he said", "Hold on", "hold on", ""]:
        clusters.add(text)
    assert 3 == len(clusters)


def test_of_a_huge_sentence_no_number_is_left_out_and_of_a_huge_story_the_end_is() -> None:
    text = "they rode on " * 100_000
    assert _joins(sentences, text, text.upper())
    assert not _joins(sentences, f"{text} 3", f"{text} 30")
    assert _joins(stories, f"{text} {OTHER}", f"{text} {STORY}")


@PRESETS
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.text(st.characters()) | st.sampled_from([LONG, f"{LONG}, he said", "\ud800"]), max_size=6))
def test_any_texts_get_ids_and_the_same_ones_again(make: Callable[[], Clusters], texts: list[str]) -> None:
    clusters = make()
    ids = [clusters.add(text) for text in texts]
    assert ids == [clusters.add(text) for text in texts]
    assert ids == _ids(make, texts)
    assert len(set(ids)) <= len(clusters) <= len({normalise(text) for text in texts})


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["3", "30", "1,000", "not", "guns", "fell", "quiet", "5pm"]), min_size=3), st.data())
def test_sentences_of_a_group_have_the_same_digits(words: list[str], data: st.DataObject) -> None:
    base = f"{LONG} {' '.join(words)}"
    changed = f"{LONG} {' '.join(data.draw(st.permutations(words)))}"
    if _joins(sentences, base, changed):
        assert re.findall(r"\d", base) == re.findall(r"\d", changed)


def test_another_process_gives_the_same_ids() -> None:
    words = LONG.split()
    graded = [" ".join([*words[:at], "…", "ünd", *words[at + 1 :]]) for at in range(len(words))]
    texts = [STORY, LONG, *graded, "\n".join(PARAGRAPHS[1:]), "Où sont les trains ? demanda-t-il à l’aube"]
    code = (
        "import json, sys; from eventroles.inference.dataset.duplicates import sentences, stories; "
        "texts = json.loads(sys.argv[1]); "
        "print(json.dumps([[clusters.add(text) for text in texts] for clusters in (stories(), sentences())]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, json.dumps(texts)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        text=True,
        timeout=60,
    )
    assert [_ids(stories, texts), _ids(sentences, texts)] == json.loads(found.stdout)


def test_ids_are_those_of_every_other_machine() -> None:
    assert ["c01ee24ef57287d8", "0aeb71b573bd0da9"] == _ids(sentences, ["Hold on", LONG])


@PRESETS
def test_a_missing_rensa_is_named_with_its_extra(make: Callable[[], Clusters], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(EventRolesError) as caught:
        make()
    assert "rensa is not installed. Run: pip install 'eventroles[deduplicate]'" == str(caught.value)

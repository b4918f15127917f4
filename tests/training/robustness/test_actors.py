"""The lexicon: large enough, without a name of two actors, and with something to write for every form."""

from __future__ import annotations

import pytest
from eventroles.labels.errors import ConfigError
from eventroles.training.robustness.actors import FORMS, load_lexicon, parse_lexicon
from eventroles.training.robustness.mentions import find_mentions


def test_the_lexicon_has_over_sixty_countries_and_sixty_groups_with_sides_among_the_countries() -> None:
    actors = load_lexicon().actors.values()
    assert sum(actor.kind == "country" for actor in actors) > 60
    assert sum(actor.kind == "group" for actor in actors) > 60
    assert "Gaza" == load_lexicon().actors["Hamas"].side


def test_every_actor_can_be_written_in_every_form() -> None:
    lexicon = load_lexicon()
    assert [] == [name for name in lexicon.actors for form in (*FORMS, "place") if not lexicon.write(name, form)]
    assert ("the Chadian army", "Gaza") == (lexicon.write("Chad", "army"), lexicon.write("Hamas", "place"))
    assert ("Israelis", "Taliban fighters") == (lexicon.write("Israel", "people"), lexicon.write("Taliban", "people"))


def test_every_name_of_the_lexicon_is_found_as_the_actor_it_belongs_to() -> None:
    actors = load_lexicon().actors.values()
    wrong = {
        name: [one.actor for one in find_mentions(f"They named {name}.")]
        for actor in actors
        for names in actor.forms.values()
        for name in names
    }
    owner = {name: actor.name for actor in actors for names in actor.forms.values() for name in names}
    assert {} == {name: found for name, found in wrong.items() if found != [owner[name]]}


LEXICON = """
countries:
  - {name: Ostria, adjective: Ostrian}
  - {name: Westria, adjective: Ostrian}
  - {name: Sudria, nickname: South}
groups:
  - {name: the Hill Men, side: Nordria}
others: []
nouns: troops
"""


def test_all_problems_of_a_lexicon_are_named_with_their_place() -> None:
    with pytest.raises(ConfigError) as error:
        parse_lexicon(LEXICON, source="own.yaml")
    lines = str(error.value).splitlines()
    assert 3 == len(lines), lines
    assert lines[0].startswith("own.yaml:4: 'Ostrian' is also a name of Ostria")
    assert lines[1].startswith("own.yaml:5: nickname: no such form")
    assert "side 'Nordria' of Hill Men" in lines[2]

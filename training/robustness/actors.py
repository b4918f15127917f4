"""Who acts: countries and armed groups with all that texts call them, read from `actors.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ...labels.errors import ConfigError
from ...labels.yamlfile import parse_yaml

FORMS = ("name", "adjective", "person", "people", "capital", "seat", "army")
"""What a name can stand for: the actor, its adjective, one of its people, all of them, its places, its forces."""
_OF_THE_SIDE = ("person", "people", "capital", "place")


@dataclass(frozen=True)
class Actor:
    """A country or an armed group.

    Attributes:
        name: its first name without article; what mappings and results call it.
        kind: ``country`` or ``group``.
        forms: the names of each form that it has, the one to write first, with "the" where texts say it.
        side: name of the country that a group fights for; the actor's own name if there is none.
    """

    name: str
    kind: str
    forms: Mapping[str, tuple[str, ...]]
    side: str

    @property
    def has_places(self) -> bool:
        """Whether something can happen in it, or in the country that it fights for."""
        return self.kind == "country" or self.side != self.name


@dataclass(frozen=True)
class Lexicon:
    """All actors.

    Attributes:
        actors: by name.
        others: names with an actor's name in them that stand for something else.
        nouns: words in small letters that show, right after a name, that it is used as an adjective.
    """

    actors: Mapping[str, Actor]
    others: tuple[str, ...]
    nouns: frozenset[str]

    def write(self, name: str, form: str) -> str:
        """Return what to write for an actor in a form, where another one stood; "the" included.

        Besides `FORMS` there is ``place``: where the actor is, as in "rockets fell in Gaza". What an actor lacks is
        made up of what it has ("the Chadian army", "Taliban fighters"). A group with a side has its people and places;
        one without is named as it is, though nobody would call it a place.
        """
        actor = self.actors[name]
        if form in actor.forms:
            return actor.forms[form][0]
        if actor.side != actor.name and form in _OF_THE_SIDE:
            return self.write(actor.side, form)
        if form == "people":
            return self.write(name, "person") + "s"
        adjective = actor.forms["adjective"][0] if "adjective" in actor.forms else bare(actor.forms["name"][0])
        if actor.kind == "group":
            made = {"adjective": adjective, "person": f"{adjective} fighter"}
        else:
            made = {"person": adjective, "seat": f"the {adjective} government", "army": f"the {adjective} army"}
        return made.get(form, actor.forms["name"][0])


def bare(name: str) -> str:
    """Return a name without its article."""
    return name.removeprefix("the ")


@cache
def load_lexicon() -> Lexicon:
    """Read the lexicon that comes with eventroles.

    Raises:
        ConfigError: ``actors.yaml`` has an unknown key, a name of two actors, or a side that is no country.
    """
    file = resources.files(__package__) / "actors.yaml"
    return parse_lexicon(file.read_text(encoding="utf-8"), source="actors.yaml")


def parse_lexicon(text: str, *, source: str) -> Lexicon:
    """Read a lexicon written like ``actors.yaml``.

    Raises:
        ConfigError: as for `load_lexicon`, all problems at once, with ``file:line``.
    """
    file = parse_yaml(text, source=source)
    actors: dict[str, Actor] = {}
    owners: dict[str, str] = {}
    problems = []
    for key, kind in (("countries", "country"), ("groups", "group")):
        for number, entry in enumerate(file.data[key]):
            place = file.place((key, number))
            if "name" not in entry or (unknown := sorted(set(entry) - {*FORMS, "side"})):
                problems.append(
                    f"{place}: {', '.join(unknown)}: no such form" if "name" in entry else f"{place}: no name"
                )
                continue
            actor = _actor(entry, kind)
            actors[actor.name] = actor
            taken = {owners.setdefault(bare(one), actor.name): one for names in actor.forms.values() for one in names}
            problems += [
                f"{place}: {taken[other]!r} is also a name of {other}" for other in taken if other != actor.name
            ]
    problems += [
        f"{source}: side {actor.side!r} of {actor.name} is none of the countries"
        for actor in actors.values()
        if actor.side not in actors or (actor.side != actor.name and actors[actor.side].kind != "country")
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    return Lexicon(actors, tuple(file.data["others"]), frozenset(file.data["nouns"].split()))


def _actor(entry: Mapping[str, Any], kind: str) -> Actor:
    forms = {form: _names(entry[form]) for form in FORMS if form in entry}
    name = bare(forms["name"][0])
    return Actor(name, kind, forms, side=str(entry.get("side", name)))


def _names(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)

"""Which swaps are made: parties with one another, each with strangers of its kind, the context with the sentence."""

from __future__ import annotations

from eventroles.labels.records import Record
from eventroles.training.robustness.actors import load_lexicon
from eventroles.training.robustness.parties import EXCHANGED, REPLACED, Swap, make_swaps


def swaps(*texts: str, contexts: list[str] | None = None, partners: int = 0, seed: int = 0) -> list[Swap]:
    records = [Record("d", index, text, ()) for index, text in enumerate(texts)]
    return list(make_swaps(records, contexts or [""] * len(texts), partners=partners, seed=seed))


def test_the_parties_of_a_sentence_change_places() -> None:
    (found,) = swaps("Russia hit Ukraine.")
    assert Swap(0, EXCHANGED, "Russia", "Ukraine", "Ukraine hit Russia.", "") == found


def test_a_country_and_its_group_are_one_side() -> None:
    texts = [swap.text for swap in swaps("Israel fought Hamas near Gaza City, in Gaza.")]
    assert ["Gaza fought Israel near Jerusalem, in Israel."] == texts


def test_the_other_party_comes_from_the_document_where_the_sentence_names_one() -> None:
    found = swaps("Hamas fired rockets.", "Israel hit back.", "Nothing more.")
    assert ["Israel fired rockets.", "Hamas hit back."] == [swap.text for swap in found if swap.row < 1] + [
        "Hamas hit back."
    ]


def test_a_countrys_sentence_takes_no_group_from_its_document() -> None:
    found = swaps("Kenya's health minister resigned.", "Al-Shabaab raided a farm.")
    assert ["Kenya raided a farm."] == [swap.text for swap in found]


def test_each_actor_gives_place_to_so_many_strangers_of_its_kind() -> None:
    found = [swap for swap in swaps("Hamas fought Egypt.", partners=4) if swap.kind == REPLACED]
    actors = load_lexicon().actors
    assert 8 == len({swap.text for swap in found})
    assert {"Hamas": 4, "Egypt": 4} == {name: sum(swap.source == name for swap in found) for name in ("Hamas", "Egypt")}
    assert all(actors[swap.source].kind == actors[swap.target].kind for swap in found)
    assert not {"Hamas", "Egypt"} & {swap.target for swap in found}


def test_the_choice_of_strangers_follows_the_seed_alone() -> None:
    text = "Egypt sent troops."
    assert swaps(text, partners=3, seed=1) == swaps(text, partners=3, seed=1)
    assert swaps(text, partners=3, seed=1) != swaps(text, partners=3, seed=2)


def test_the_context_is_swapped_too_and_its_actors_are_no_strangers() -> None:
    (found,) = swaps("Russia hit Ukraine.", contexts=["Ukrainian guns fired at Russia."])
    assert "Russian guns fired at Ukraine." == found.context
    everyone = [name for name, actor in load_lexicon().actors.items() if actor.kind == "country"]
    found_targets = {swap.target for swap in swaps("Chad rose.", contexts=["Mali fell."], partners=len(everyone))}
    assert set(everyone) - {"Chad", "Mali"} == found_targets - {"Mali"}
    assert "Mali" not in {swap.target for swap in swaps("Chad rose.", contexts=["Mali fell."], partners=500)}


def test_a_swap_that_names_an_actor_twice_in_a_row_is_left_out() -> None:
    assert [] == swaps("Yemen's Houthis met Britain.")  # Britain's Britain met Yemen
    assert ["Yemen met Britain."] == [swap.text for swap in swaps("Britain met Yemen.")]


def test_a_sentence_without_actors_gives_no_swap() -> None:
    assert [] == swaps("Gunmen shot a farmer.", partners=5)

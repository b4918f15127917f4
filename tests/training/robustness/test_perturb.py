"""Other ways of writing: what each does to a sentence, that a seed fixes it, and that no text breaks it."""

from __future__ import annotations

import pytest
from eventroles.training.robustness.perturb import PERTURBATIONS, perturb
from hypothesis import given
from hypothesis import strategies as st

TEXT = "The army said: \"We don't know – or won't tell\" – at 3.5 km."


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lower case", "Rebels Fired.", "rebels fired."),
        ("upper case", "Rebels fired.", "REBELS FIRED."),
        ("title case", "Rebels don't fire at US posts.", "Rebels Don't Fire At US Posts."),
        ("straight quotes", "“It’s so”", '"It\'s so"'),
        ("curly quotes", '"It\'s so," he said.', "“It’s so,” he said."),
        ("no final punctuation", 'They fired."', 'They fired"'),
        ("no punctuation", TEXT, "The army said We don't know or won't tell at 3.5 km"),
        ("machine-tokenised", TEXT, 'The army said : " We do n\'t know – or wo n\'t tell " – at 3.5 km .'),
        ("machine-tokenised", "Mali's army, 1,200 men, left.", "Mali 's army , 1,200 men , left ."),
        ("dashes as hyphens", "A raid — the 2–3 km one—ended.", "A raid - the 2-3 km one - ended."),
        ("doubled spaces", "They fired.", "They  fired."),
        ("no-break spaces", "They fired.", "They\N{NO-BREAK SPACE}fired."),
        ("HTML entities", '"It’s 5 km" – A & B', "&quot;It&rsquo;s 5&nbsp;km&quot; &ndash; A &amp; B"),
        ("translated style", "Rebels shelled the port.", "By Rebels was carried out shelling of port."),
    ],
)  # fmt: skip
def test_a_perturbation_does_what_it_is_called(name: str, text: str, expected: str) -> None:
    assert expected == perturb(text, name, seed=0)


def test_typos_hit_about_one_word_in_ten_and_never_a_first_letter() -> None:
    words = [f"{first}estival" for first in "abcdefghij"] * 100
    found = perturb(" ".join(words), "typos", seed=3).split(" ")
    assert len(words) == len(found)
    assert 0.07 < sum(old != new for old, new in zip(words, found, strict=True)) / len(words) < 0.13
    assert [word[0] for word in words] == [word[0] for word in found]
    assert all(abs(len(old) - len(new)) <= 1 for old, new in zip(words, found, strict=True))


def test_typos_follow_the_seed_alone() -> None:
    text = "Fighters stormed another garrison beside the harbour before sunrise on Thursday. " * 5
    assert perturb(text, "typos", seed=1) == perturb(text, "typos", seed=1)
    assert perturb(text, "typos", seed=1) != perturb(text, "typos", seed=2)


def test_an_unknown_perturbation_is_refused() -> None:
    with pytest.raises(KeyError, match="sideways"):
        perturb("They fired.", "sideways", seed=0)


@given(st.text(), st.sampled_from(sorted(PERTURBATIONS)), st.integers(0, 3))
def test_any_text_can_be_perturbed_and_the_seed_fixes_the_result(text: str, name: str, seed: int) -> None:
    assert perturb(text, name, seed=seed) == perturb(text, name, seed=seed)

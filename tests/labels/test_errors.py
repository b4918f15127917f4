"""The exception tree, the exit codes of its members, and the phrases that messages share."""

from __future__ import annotations

import sys

import pytest
from eventroles.labels import ConfigError, DataError, EventRolesError, HubError, ModelError
from eventroles.labels.errors import closest, first_problems, nearest, require, shown
from hypothesis import given, settings
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@pytest.mark.parametrize(("error", "code"), [(ConfigError, 2), (DataError, 1), (ModelError, 1), (HubError, 1)])
def test_every_error_is_an_eventroles_error_with_its_exit_code(error, code):
    assert issubclass(error, EventRolesError)
    assert error.exit_code == code


def test_a_typo_gets_the_nearest_valid_word():
    assert closest("atack", ["attack", "retaliation"]) == "attack"
    assert nearest("atack", ["attack", "retaliation"]) == " Did you mean 'attack'?"


def test_a_word_that_is_near_none_gets_no_hint():
    assert closest("weather", ["attack", "retaliation"]) is None
    assert nearest("weather", ["attack", "retaliation"]) == ""


@settings(deadline=None)
@given(ANYTHING)
def test_any_value_is_shown_in_sixty_characters_at_most(value):
    assert 1 <= len(shown(value)) <= 60


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", ["a", 1], {"a": 1}])
def test_a_short_value_is_shown_as_it_is(value):
    assert shown(value) == repr(value)


def test_a_number_too_long_for_python_to_write_is_shown_all_the_same():
    assert shown(10**5000) == "a number of thousands of digits"


def test_a_value_that_holds_itself_is_shown():
    value: list[object] = []
    value.append(value)
    assert shown(value) == "[[[[...]]]]"


def test_twenty_problems_are_shown_and_the_rest_counted():
    problems = [f"problem {number}" for number in range(23)]
    assert first_problems(problems[:20], source="a.csv").splitlines() == problems[:20]
    assert first_problems(problems[:21], source="a.csv").splitlines()[20:] == ["… and 1 more problem in a.csv"]
    assert first_problems(problems, source="a.csv").splitlines()[20:] == ["… and 3 more problems in a.csv"]


def test_a_module_that_is_there_is_imported():
    assert require("json.decoder", extra="train") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["nosuchlibrary", "nosuchlibrary.part"])
def test_a_missing_library_names_the_extra_to_install(module):
    with pytest.raises(EventRolesError) as error:
        require(module, extra="parquet")
    assert str(error.value) == "nosuchlibrary is not installed. Run: pip install 'eventroles[parquet]'"


def test_a_library_that_lacks_one_of_its_own_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "halfbroken.py").write_text("import nosuchlibrary\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nosuchlibrary"):
        require("halfbroken", extra="train")

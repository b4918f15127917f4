"""YAML of ours: what is read, what is refused and at which line."""

from __future__ import annotations

import pytest
import yaml
from eventroles.labels import ConfigError
from eventroles.labels.yamlfile import YamlFile, find_file, parse_value, parse_yaml, read_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse_yaml(text, source="a.yaml")
    return str(error.value).splitlines()


def test_every_key_and_list_item_has_its_line():
    file = parse_yaml("a: 1\n\nb:\n  - x\n  - c: 2\n", source="a.yaml")
    assert file.data == {"a": 1, "b": ["x", {"c": 2}]}
    assert file.lines == {("a",): 1, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5}


def test_the_place_of_a_key_that_is_not_there_is_that_of_the_key_above():
    file = parse_yaml("a:\n  b: 1\n", source="a.yaml")
    assert file.place(("a", "b")) == "a.yaml:2"
    assert file.place(("a", "c", 0)) == "a.yaml:1"
    assert file.place(("d",)) == file.place(()) == "a.yaml"


def test_a_section_keeps_the_lines_of_its_file():
    section = parse_yaml("x: 1\na:\n  b:\n    - 2\n", source="a.yaml").section("a")
    assert section == YamlFile("a.yaml", {"b": [2]}, {("b",): 3, ("b", 0): 4})


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null"])
def test_a_text_without_content_is_an_empty_mapping(text):
    assert parse_yaml(text, source="a.yaml").data == {}


@pytest.mark.parametrize("text", ["- a", "3", "word", "true"])
def test_a_top_level_that_is_no_mapping_is_refused(text):
    assert problems(text)[0].startswith("a.yaml: expected keys and values ('name: …') at the top level, found ")


def test_a_key_given_twice_is_refused_with_its_line():
    assert problems("a: 1\nb:\n  c: 1\n  c: 2\n") == ["a.yaml:4: key 'c' is given twice; keep one"]


def test_all_problems_are_named_at_once():
    assert problems("a: 1\na: 2\nb: 2024-01-01\n1: x\n") == [
        "a.yaml:2: key 'a' is given twice; keep one",
        "a.yaml:3: a value of the kind 'timestamp' has no use here; put it in quotes",
        "a.yaml:4: key '1' is not a plain word; put it in quotes",
    ]


@pytest.mark.parametrize("key", ["1", "2.5", "null", "yes", "off", "2024-01-01"])
def test_a_key_that_yaml_does_not_take_for_a_word_is_refused(key):
    assert problems(f"a: 1\n{key}: 1") == [f"a.yaml:2: key {key!r} is not a plain word; put it in quotes"]
    assert parse_yaml(f'a: 1\n"{key}": 1', source="a.yaml").data == {"a": 1, key: 1}


@pytest.mark.parametrize("text", ["a: 1\n? [x]\n: 1", "a: 1\n{b: 2}: 1", "a: 1\n[x]: 1"])
def test_a_list_or_a_mapping_as_a_key_is_refused(text):
    assert problems(text) == ["a.yaml:2: a key is a list or a mapping; expected a word"]


def test_a_merge_key_is_refused():
    assert problems("a: &a {b: 1}\nc:\n  <<: *a\n") == ["a.yaml:3: merge keys (<<) are not read; write the keys out"]


def test_a_plain_alias_is_read():
    assert parse_yaml("a: &x [1]\nb: *x\n", source="a.yaml").data == {"a": [1], "b": [1]}


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [*a]", "a: &a [{b: [*a]}]", "&a {b: *a}"])
def test_an_alias_inside_what_it_repeats_is_refused(text):
    assert problems(text) == ["a.yaml:1: an alias (*) stands inside what it repeats; write the value out"]


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert [line.partition(": ")[2] for line in problems("\n".join(lines))] == [
        "more than 100000 values, aliases written out; use fewer"
    ]


@pytest.mark.parametrize("depth", [60, 3_000])
def test_huge_nesting_is_refused(depth):
    (problem,) = problems("a: " + "[" * depth + "]" * depth)
    assert "nest" in problem


@pytest.mark.parametrize("value", ["2024-01-01", "2024-01-01 10:00:00", "!!binary aGk=", "!!python/name:os.system x"])
def test_a_value_of_another_kind_than_ours_is_refused(value):
    (problem,) = problems(f"a: 1\nb: {value}")
    assert problem.startswith("a.yaml:2: a value of the kind ")
    assert problem.endswith("has no use here; put it in quotes")


@pytest.mark.parametrize("value", ["!!set {x, y}", "!!omap [x: 1]", "!!pairs [x: 1]", "!!python/tuple [x]"])
def test_a_collection_of_another_kind_than_ours_is_refused(value):
    assert problems(f"a: {value}")[0].endswith("has no use here; use a plain list or mapping")


@pytest.mark.parametrize(("value", "kind"), [("!!bool x", "bool"), ("!!int ''", "int"), ("!!float y", "float")])
def test_a_value_that_is_not_what_its_tag_says_is_refused(value, kind):
    (problem,) = problems(f"a: 1\nb: {value}")
    assert problem.startswith("a.yaml:2: ")
    assert f"is not a valid {kind}; put it in quotes if it is a text" in problem


def test_a_word_that_yaml_takes_for_a_number_is_refused_with_its_line():
    assert problems("a: 1\nb: 0x_") == ["a.yaml:2: '0x_' is not a valid int; put it in quotes if it is a text"]


@pytest.mark.parametrize("value", ["1" * 5000, "0x" + "f" * 5000])
def test_a_number_of_thousands_of_digits_is_refused(value):
    assert problems(f"a: {value}") == [f"a.yaml:1: a number of {len(value)} digits; put it in quotes if it is a text"]


@pytest.mark.parametrize("text", ['a: "\\ud800"', '"\\ud800": a'])
def test_half_of_a_character_is_refused(text):
    (problem,) = problems(text)
    assert problem.startswith("a.yaml:1: '\\ud800' holds half of a character")


def test_an_escape_that_is_no_character_is_refused():
    assert problems('a: "\\Uffffffff"') == ["a.yaml: not valid YAML: an escape (\\U…) that is no character"]


def test_a_character_that_yaml_does_not_allow_is_named_with_its_line():
    assert problems("a: 1\nb: \x07") == ["a.yaml:2: not valid YAML: character U+0007 is not allowed; remove it"]


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\nb: [1", 2), ("a: 1\n\tb: 2", 2), ("a: 1\nb: *x", 2), ("a: 1\n---\nb: 2", 2)]
)
def test_broken_yaml_is_named_with_its_line(text, line):
    (problem,) = problems(text)
    assert problem.startswith(f"a.yaml:{line}: not valid YAML: ")


def test_a_value_of_any_kind_is_parsed_on_its_own():
    assert parse_value("[a, 1]", source="--set x=[a, 1]") == ["a", 1]
    assert parse_value("", source="--set x=") is None


def test_a_problem_in_a_value_on_its_own_carries_no_line():
    for text in ("{a: 1, a: 2}", "[1"):
        with pytest.raises(ConfigError) as error:
            parse_value(text, source="--set x=…")
        assert str(error.value).startswith("--set x=…: ")


def test_a_file_may_start_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path) == YamlFile(str(path), {"a": 1}, {("a",): 1})


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("a: Orléans".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"a\.yaml: cannot read the file: it is not UTF-8 text"):
        read_yaml(path)


def test_a_folder_is_not_a_file_to_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the file: Is a directory"):
        read_yaml(tmp_path)


def test_a_file_is_found_by_its_path_and_under_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("a: 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_file(str(tmp_path / "a.yaml")) == find_file("~/a.yaml") == tmp_path / "a.yaml"


@pytest.mark.parametrize("name", ["", ".", "nowhere.yaml", "x" * 5000, "a\0b", "~nobody-of-this-name/a.yaml"])
def test_a_name_that_no_file_has_is_not_found(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_file(name) is None


@settings(deadline=None)
@given(st.text() | st.text(alphabet="ab01:-[]{}&*!<>?|#,'\"\\ \n\t.~%@xuU"))
@example("a: &a [*a]")
@example("!!timestamp x: 1")
@example("!!map [a]: 1")
@example("!!str [a]: 1")
@example("- !!omap [a]")
@example("a: !!timestamp x")
def test_any_text_is_either_read_or_a_config_error(text):
    try:
        file = parse_yaml(text, source="a.yaml")
    except ConfigError as error:
        message = str(error)
    else:
        assert all(isinstance(key, str) for key in file.data)
        assert {path[0] for path in file.lines} == set(file.data)
        return
    assert message.startswith("a.yaml")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_what_yaml_writes_is_read_back(data):
    assert parse_yaml(yaml.safe_dump(data), source="a.yaml").data == data

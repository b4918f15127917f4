"""Label sets: what a set may say, what is refused and where, and the shipped set."""

from __future__ import annotations

import copy
import json
from importlib import resources
from typing import Any

import pytest
import yaml
from eventroles.labels import ConfigError, Label, LabelSet
from eventroles.labels.labelset import RESERVED_NAMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

VALID: dict[str, Any] = {
    "name": "mine",
    "version": "1",
    "labels": [
        {"name": "strike", "title": "Strike", "definition": "An air strike."},
        {"name": "protest", "title": "Protest", "definition": "People march."},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(VALID) | changes


def with_label(index: int = 0, **changes: Any) -> dict[str, Any]:
    data = copy.deepcopy(VALID)
    data["labels"][index] |= changes
    return data


def build(data: Any) -> LabelSet:
    return LabelSet.from_dict(data, source="mine.yaml")


def problems(data: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        build(data)
    return str(error.value).splitlines()


def test_a_set_is_read_in_its_order():
    labels = build(VALID)
    assert labels == LabelSet(
        "mine",
        "1",
        (
            Label("strike", "Strike", "An air strike.", "#D55E00"),
            Label("protest", "Protest", "People march.", "#0072B2"),
        ),
    )
    assert labels.names == labels.roles == ("strike", "protest")
    assert len(labels) == 2
    assert not labels.exclusive


def test_the_negative_label_is_an_output_but_no_role():
    labels = build(changed(exclusive=True, negative="protest"))
    assert labels.names == ("strike", "protest")
    assert labels.roles == ("strike",)


def test_labels_without_a_colour_get_different_ones():
    labels = [{"name": f"label {number}", "title": "T", "definition": "D"} for number in range(8)]
    assert len({label.color for label in build(changed(labels=labels)).labels}) == 8


def test_more_labels_than_colours_are_fine():
    labels = [{"name": f"label {number}", "title": "T", "definition": "D"} for number in range(30)]
    assert len(build(changed(labels=labels))) == 30


def test_the_version_may_be_a_number():
    assert build(changed(version=2)).version == "2"
    assert build(changed(version=1.5)).version == "1.5"


@pytest.mark.parametrize("name", ["attack", "Attack on civilians", "été", "攻撃", "a-b", "a/b", "1", "v1.2"])
def test_a_name_may_hold_letters_digits_spaces_and_some_signs(name):
    assert build(with_label(name=name)).names[0] == name


@pytest.mark.parametrize("name", ["a|b", "a;b", "a,b", "?a", "[a]", "a\nb", "-a", ".a", "a:b"])
def test_a_name_that_a_cell_of_labels_could_not_hold_is_refused(name):
    assert problems(with_label(name=name)) == [
        f"mine.yaml: labels[0].name: {name!r} may hold only letters, digits, spaces and _ - . /"
    ]


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "Text", "NONE"])
def test_a_name_that_is_a_column_of_the_output_is_reserved(name):
    assert problems(with_label(name=name)) == [
        f"mine.yaml: labels[0].name: {name!r} is reserved (a column of the output); choose another name"
    ]


def test_a_duplicate_label_name_is_refused_with_its_line(tmp_path):
    path = tmp_path / "set.yaml"
    label = "  - name: strike\n    title: Strike\n    definition: An air strike.\n"
    path.write_text(f"name: mine\nversion: 1\nlabels:\n{label}{label}")
    with pytest.raises(ConfigError) as error:
        LabelSet.load(path)
    assert str(error.value) == f"{path}:7: labels[1].name: 'strike' is the name of label 1 as well"


def test_all_problems_of_a_file_are_named_at_once_with_their_lines(tmp_path):
    path = tmp_path / "set.yaml"
    path.write_text(
        "name: mine\nversio: 1\nexclusive: maybe\nlabels:\n  - name: strike\n    titel: Strike\n    definition: no\n"
        "    color: red\n    parent: strik\n"
    )
    with pytest.raises(ConfigError) as error:
        LabelSet.load(path)
    assert str(error.value).splitlines() == [
        f"{path}:2: versio: unknown key. Did you mean 'version'?",
        f"{path}:6: labels[0].titel: unknown key. Did you mean 'title'?",
        f"{path}:5: labels[0].title: expected a text, found nothing",
        f"{path}:7: labels[0].definition: expected a text, found False; put it in quotes",
        f"{path}:8: labels[0].color: expected a colour such as \"#D55E00\" (in quotes), found 'red'",
        f"{path}:9: labels[0].parent: 'strik' is not a label of this set. Did you mean 'strike'?",
        f"{path}:3: exclusive: expected true or false, found 'maybe'",
        f"{path}: version: expected a text, found nothing",
    ]


@pytest.mark.parametrize("key", ["name", "version", "labels"])
def test_a_set_without_one_of_its_keys_is_refused(key):
    data = copy.deepcopy(VALID)
    del data[key]
    (problem,) = problems(data)
    assert problem.startswith(f"mine.yaml: {key}: expected ")


@pytest.mark.parametrize("key", ["name", "title", "definition"])
@pytest.mark.parametrize("value", [None, "", "  ", 3, 2.5, False, ["x"], {"x": 1}])
def test_a_label_text_that_is_none_is_refused(key, value):
    (problem,) = problems(with_label(**{key: value}))
    assert problem.startswith(f"mine.yaml: labels[0].{key}: expected a text, found ")
    assert problem.endswith("; put it in quotes") == isinstance(value, bool | int | float)


@pytest.mark.parametrize("labels", [None, 3, "strike", [], {}, {"strike": {}}])
def test_labels_that_are_no_list_are_refused(labels):
    assert problems(changed(labels=labels)) == ["mine.yaml: labels: expected a list with at least one label"]


@pytest.mark.parametrize("label", [None, 3, "strike", ["strike"]])
def test_a_label_that_is_no_mapping_is_refused(label):
    assert problems(changed(labels=[label])) == [
        f"mine.yaml: labels[0]: expected a label with name, title and definition, found {label!r}"
    ]


@pytest.mark.parametrize("data", [None, 3, "mine", [["name", "mine"]]])
def test_plain_data_that_is_no_mapping_is_refused(data):
    assert problems(data) == [f"mine.yaml: expected a label set (name, version, labels), found {data!r}"]


def test_a_negative_label_needs_an_exclusive_set():
    assert problems(changed(negative="protest")) == [
        "mine.yaml: negative: only an exclusive set (exclusive: true) has a negative label; remove the key"
    ]


def test_a_negative_label_that_is_not_in_the_set_is_refused():
    assert problems(changed(exclusive=True, negative="protests")) == [
        "mine.yaml: negative: 'protests' is not a label of this set. Did you mean 'protest'?"
    ]
    assert problems(changed(exclusive=True, negative=["protest"])) == [
        "mine.yaml: negative: ['protest'] is not a label of this set."
    ]


def test_an_exclusive_set_of_one_label_is_refused():
    data = changed(exclusive=True, labels=VALID["labels"][:1])
    assert problems(data) == ["mine.yaml: labels: an exclusive set needs at least two labels"]


def test_a_parent_is_kept():
    assert build(with_label(1, parent="strike")).labels[1].parent == "strike"


@pytest.mark.parametrize("parent", [3, True, ["strike"]])
def test_a_parent_that_is_no_name_is_refused(parent):
    assert problems(with_label(parent=parent)) == [
        f"mine.yaml: labels[0].parent: expected the name of a label, found {parent!r}"
    ]


def test_a_circle_of_parents_is_refused():
    data = with_label(0, parent="protest")
    data["labels"][1]["parent"] = "strike"
    assert problems(data) == [
        "mine.yaml: labels[0].parent: 'strike' is its own ancestor; break the circle",
        "mine.yaml: labels[1].parent: 'protest' is its own ancestor; break the circle",
    ]


def test_crosswalk_codes_are_kept_as_text():
    labels = build(with_label(crosswalk={"CAMEO": ["01", "19"], "PLOVER": ["ASSAULT"]}))
    assert labels.labels[0].crosswalk == {"CAMEO": ("01", "19"), "PLOVER": ("ASSAULT",)}


@pytest.mark.parametrize("codes", [["01", 1], "01", None, {"01": "x"}])
def test_crosswalk_codes_without_quotes_are_refused(codes):
    assert problems(with_label(crosswalk={"CAMEO": codes})) == [
        f'mine.yaml: labels[0].crosswalk.CAMEO: expected a list of quoted codes such as ["18"], found {codes!r}'
    ]


@pytest.mark.parametrize("crosswalk", [["CAMEO"], "CAMEO", 18])
def test_a_crosswalk_without_schemes_is_refused(crosswalk):
    assert problems(with_label(crosswalk=crosswalk)) == [
        f"mine.yaml: labels[0].crosswalk: expected a list of codes for each scheme, found {crosswalk!r}"
    ]


@pytest.mark.parametrize("color", ["red", "#FFF", "#D55E0G", 555555, ["#D55E00"]])
def test_a_colour_that_is_none_is_refused(color):
    assert problems(with_label(color=color)) == [
        f'mine.yaml: labels[0].color: expected a colour such as "#D55E00" (in quotes), found {color!r}'
    ]


def test_a_colour_is_written_in_capitals():
    assert build(with_label(color="#d55e00")).labels[0].color == "#D55E00"


def test_a_set_is_loaded_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(VALID))
    monkeypatch.chdir(tmp_path)
    assert LabelSet.load("mine.yaml") == LabelSet.load(tmp_path / "mine.yaml") == build(VALID)


@pytest.mark.parametrize("name", ["role", "nowhere.yaml", "", "x" * 5000, "a\0b", "~nobody-of-this-name/set.yaml"])
def test_a_set_that_is_not_there_names_the_shipped_ones_and_the_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        LabelSet.load(name)
    assert str(error.value).startswith("no label set ")
    assert str(error.value).endswith(f"neither a shipped set (roles) nor a YAML file (looked in {tmp_path})")


def test_the_shipped_set_has_the_four_roles():
    labels = LabelSet.load("roles")
    assert labels.names == labels.roles == ("attack", "retaliation", "casualty_report", "official_statement")
    assert not labels.exclusive
    assert len({label.color for label in labels.labels}) == 4
    assert labels.labels[3].crosswalk["CAMEO"][0] == "01"


def test_the_guidelines_have_a_section_for_every_shipped_role():
    guidelines = (resources.files("eventroles.labels") / "guidelines.md").read_text(encoding="utf-8")
    sections = [line.removeprefix("## ") for line in guidelines.splitlines() if line.startswith("## ")]
    assert set(LabelSet.load("roles").names) <= set(sections)


NAMES = st.lists(
    st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES),
    min_size=2,
    max_size=5,
    unique=True,
)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1).map(str.strip).filter(bool)


@st.composite
def label_sets(draw: st.DrawFn) -> LabelSet:
    names = draw(NAMES)
    labels = tuple(
        Label(
            name=name,
            title=draw(TEXT),
            definition=draw(TEXT),
            color=draw(st.from_regex(r"#[0-9A-F]{6}", fullmatch=True)),
            parent=draw(st.none() | st.sampled_from(names[:place])) if place else None,
            crosswalk=draw(st.dictionaries(TEXT, st.lists(TEXT, max_size=3).map(tuple), max_size=2)),
        )
        for place, name in enumerate(names)
    )
    exclusive = draw(st.booleans())
    negative = draw(st.none() | st.sampled_from(names)) if exclusive else None
    return LabelSet(draw(TEXT), draw(TEXT), labels, exclusive, negative)


@settings(deadline=None)
@given(label_sets())
def test_a_set_comes_back_from_plain_data_and_from_json(labels):
    assert LabelSet.from_dict(labels.to_dict(), source="x") == labels
    assert LabelSet.from_dict(json.loads(json.dumps(labels.to_dict())), source="x") == labels


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
KEYS = (
    st.sampled_from(["name", "version", "exclusive", "negative", "labels", "title", "definition", "color", "parent"])
    | st.just("crosswalk")
    | SCALARS
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, ANYTHING) | ANYTHING)
@example(changed(exclusive=True, negative={}))
def test_any_plain_data_is_either_a_label_set_or_a_config_error(data):
    try:
        labels = build(data)
    except ConfigError as error:
        message = str(error)
    else:
        assert build(labels.to_dict()) == labels
        return
    assert message.startswith("mine.yaml")


@pytest.mark.parametrize("place", ["version", "key", "scheme"])
def test_a_number_that_python_cannot_write_out_is_refused_like_any_other(place):
    number = 10**5000
    data = {
        "version": changed(version=number),
        "key": with_label(crosswalk=None),
        "scheme": with_label(crosswalk={number: ["01"]}),
    }[place]
    if place == "key":
        data["labels"][0][number] = 1
    (problem,) = problems(data)
    assert "a number of thousands of digits" in problem

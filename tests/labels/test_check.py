"""Problems that show only when labelled sentences are looked at together."""

from __future__ import annotations

import pytest
from eventroles.labels import DataError, LabelSet, Record, check_both_classes, check_conflicts, conflicts
from hypothesis import given, settings
from hypothesis import strategies as st

ROLES = LabelSet.load("roles")
ONE = LabelSet.from_dict(
    {
        "name": "one",
        "version": "1",
        "exclusive": True,
        "negative": "none_of_them",
        "labels": [{"name": name, "title": name, "definition": name} for name in ("causal", "other", "none_of_them")],
    },
    source="one",
)


def record(text: str, roles: str = "", unsure: str = "", line: int = 1) -> Record:
    return Record("a", 0, text, tuple(roles.split()), tuple(unsure.split()), f"a.jsonl:{line}")


def complaint(records: list[Record], labels: LabelSet = ROLES) -> list[str]:
    with pytest.raises(DataError) as error:
        check_both_classes(records, labels, split="train")
    return str(error.value).splitlines()


def test_duplicates_with_the_same_labels_are_fine():
    check_conflicts([record("Shots fell.", "attack"), record("Shots fell.", "attack"), record("Rain fell.")])


def test_duplicates_with_conflicting_labels_name_both_places_and_the_remedy():
    records = [record("Shots fell.", "attack", line=3), record("Rain fell.", line=4), record(" Shots fell. ", line=9)]
    with pytest.raises(DataError) as error:
        check_conflicts(records)
    assert str(error.value).splitlines() == [
        "a.jsonl:9: the same text as a.jsonl:3 with other labels: none here, attack there",
        "1 duplicate texts have conflicting labels: make them agree, mark the label unsure, or set "
        "data.conflicts: keep (train on both) or drop (leave both out)",
    ]


def test_of_many_conflicts_twenty_are_shown_and_all_counted():
    records = [record("Shots fell.", "attack")] + [record("Shots fell.", line=line) for line in range(2, 30)]
    with pytest.raises(DataError) as error:
        check_conflicts(records)
    lines = str(error.value).splitlines()
    assert len(lines) == 22
    assert lines[20] == "… and 8 more problems in the data"
    assert lines[21].startswith("28 duplicate texts have conflicting labels: ")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (record("x", "attack"), record("x", "", "attack")),
        (record("x", "", "attack"), record("x", "attack")),
        (record("x", "attack retaliation", "casualty_report"), record("x", "attack casualty_report", "retaliation")),
    ],
)
def test_an_unsure_label_contradicts_nothing(first, second):
    assert conflicts([first, second]) == []


def test_an_unsure_duplicate_does_not_hide_a_conflict_of_two_others():
    doubtful, given_, denied = record("x", "", "attack"), record("x", "attack"), record("x")
    assert conflicts([doubtful, given_, denied]) == [(given_, denied)]


def test_a_label_that_is_sure_in_both_still_contradicts():
    first, second = record("x", "attack", "retaliation"), record("x", "casualty_report", "retaliation")
    assert conflicts([first, second]) == [(first, second)]


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            record,
            st.sampled_from(["x", "y"]),
            st.sampled_from(["", "attack", "attack retaliation"]),
            st.sampled_from(["", "casualty_report"]),
        )
    )
)
def test_records_without_conflicts_agree_wherever_their_texts_do(records):
    clashing = {later.text for _, later in conflicts(records)}
    for text in {"x", "y"} - clashing:
        assert len({entry.roles for entry in records if entry.text == text}) <= 1


def test_a_label_that_is_never_or_always_given_is_refused():
    records = [record("x", "attack retaliation"), record("y", "attack"), record("z", "attack official_statement")]
    assert complaint(records) == [
        "label 'attack' is always given in the 3 sentences of the train split: add sentences without it, or take it "
        "out of the label set",
        "label 'casualty_report' is never given in the 3 sentences of the train split: add sentences with it, or take "
        "it out of the label set",
    ]


def test_records_with_and_without_every_label_are_fine():
    check_both_classes([record("x", " ".join(ROLES.names)), record("y")], ROLES, split="train")


def test_unsure_sentences_count_neither_way():
    everything = record("x", " ".join(ROLES.names))
    assert complaint([everything, record("y", "", "attack"), record("z", "", "attack")]) == [
        "label 'attack' is always given in the 1 sentences of the train split: add sentences without it, or take it "
        "out of the label set"
    ]


def test_no_sentences_at_all_are_refused():
    assert len(complaint([])) == 4


def test_the_negative_label_is_given_where_no_role_is():
    check_both_classes([record("x", "causal"), record("y", "other"), record("z")], ONE, split="train")
    assert complaint([record("x", "causal"), record("y", "other")], ONE) == [
        "label 'none_of_them' is never given in the 2 sentences of the train split: add sentences with it, or take it "
        "out of the label set"
    ]


def test_one_unsure_label_of_an_exclusive_set_leaves_out_the_whole_sentence():
    records = [record("x", "causal"), record("y", "causal", "other"), record("z", "", "other"), record("w", "causal")]
    assert complaint(records, ONE)[0] == (
        "label 'causal' is always given in the 2 sentences of the train split: add sentences without it, or take it "
        "out of the label set"
    )

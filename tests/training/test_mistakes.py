"""The most confident mistakes: the right ones, in order, with their surroundings."""

from __future__ import annotations

import numpy as np
from eventroles.labels import LabelSet
from eventroles.labels.records import Record
from eventroles.training.mistakes import LabelMistakes, confident_mistakes

ROLES = LabelSet.load("roles")


def record(document: str, index: int, *roles: str, unsure: tuple[str, ...] = ()) -> Record:
    return Record(document, index, f"{document} {index}.", roles, unsure, place=f"x.jsonl:{index + 1}")


def find(records: list[Record], attack: list[float], *, most: int = 10) -> LabelMistakes:
    """Return the mistakes on attack at a threshold of 0.5, with the other labels all right."""
    probabilities = np.array([[float(name in one.roles) for name in ROLES.names] for one in records], np.float32)
    probabilities[:, 0] = attack
    found = confident_mistakes(records, probabilities, probabilities >= 0.5, labels=ROLES, most=most)
    assert all(not found[name].all_false_alarms + found[name].all_misses for name in ROLES.names[1:])
    return found["attack"]


def test_the_farthest_from_the_truth_come_first_and_no_more_than_asked_for() -> None:
    records = [record("a", k) for k in range(4)] + [record("b", k, "attack") for k in range(4)]
    found = find(records, [0.6, 0.9, 0.4, 0.7, 0.3, 0.1, 0.8, 0.2], most=2)
    assert [("a", 1), ("a", 3)] == [(one.document, one.index) for one in found.false_alarms]
    assert [("b", 1), ("b", 3)] == [(one.document, one.index) for one in found.misses]
    assert (3, 3) == (found.all_false_alarms, found.all_misses)
    assert ("false alarm", "miss") == (found.false_alarms[0].kind, found.misses[0].kind)


def test_a_mistake_carries_its_sentence_its_labels_and_its_place() -> None:
    records = [record("a", 0, "casualty_report", unsure=("retaliation",))]
    (found,) = find(records, [0.75]).false_alarms
    assert ("attack", "a", 0, "a 0.", 0.75, "x.jsonl:1") == (
        found.label,
        found.document,
        found.index,
        found.text,
        found.probability,
        found.place,
    )
    assert (("casualty_report",), ("attack", "casualty_report"), ("retaliation",)) == (
        found.labelled,
        found.given,
        found.unsure,
    )


def test_neighbours_are_those_of_the_same_document_in_the_order_of_the_index() -> None:
    records = [record("a", 2), record("b", 0), record("a", 0), record("a", 1)]
    found = {one.text: (one.before, one.after) for one in find(records, [0.9, 0.9, 0.9, 0.9]).false_alarms}
    assert {"a 0.": ("", "a 1."), "a 1.": ("a 0.", "a 2."), "a 2.": ("a 1.", ""), "b 0.": ("", "")} == found


def test_an_unsure_label_is_never_a_mistake() -> None:
    found = find([record("a", 0, unsure=("attack",)), record("a", 1, unsure=("attack",))], [0.99, 0.01])
    assert ((), ()) == (found.false_alarms, found.misses)


def test_mistakes_are_plain_data() -> None:
    data = find([record("a", 0)], [0.9]).to_dict()
    assert {"false_alarms", "misses", "all_false_alarms", "all_misses"} == set(data)
    assert ["attack"] == data["false_alarms"][0]["given"]

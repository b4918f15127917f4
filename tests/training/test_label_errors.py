"""Label errors: planted ones are found and ranked, sentences in doubt are left out, exclusive sets are taken whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from eventroles.labels import LabelSet, Record
from eventroles.training.label_errors import as_record, find_label_errors

TWO = LabelSet.from_dict(
    {"name": "two", "version": "1", "labels": [{"name": n, "title": n, "definition": n} for n in ("hot", "cold")]},
    source="test",
)
KINDS = LabelSet.from_dict(
    {
        "name": "kinds",
        "version": "1",
        "exclusive": True,
        "negative": "calm",
        "labels": [{"name": n, "title": n, "definition": n} for n in ("raid", "talk", "calm")],
    },
    source="test",
)


def record(row: int, *roles: str, unsure: tuple[str, ...] = ()) -> Record:
    return Record(f"d{row // 5}", row % 5, f"text {row}", roles, unsure, place=f"rows.jsonl:{row + 1}")


def says(
    true: list[tuple[str, ...]], names: tuple[str, ...], *, seed: int, surest: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Return probabilities of a model that is right about the true labels, and surer of some rows than of others."""
    random = np.random.default_rng(seed)
    hits = np.array([[name in some for name in names] for some in true])
    sure = random.uniform(0.8, 0.9, size=hits.shape)
    sure[list(surest)] = 0.95
    return np.where(hits, sure, 1 - sure).astype(np.float32)


def test_planted_errors_are_found_and_nothing_else() -> None:
    true = [("hot",) if row % 3 == 0 else ("cold",) if row % 3 == 1 else () for row in range(90)]
    given = list(true)
    given[9], given[10], given[11] = (), ("hot", "cold"), ("cold",)
    records = [record(row, *roles) for row, roles in enumerate(given)]
    found = find_label_errors(records, says(true, TWO.names, seed=1, surest=(9, 10, 11)), labels=TWO)
    planted = {("text 9", "hot", "add"), ("text 10", "hot", "remove"), ("text 11", "cold", "remove")}
    assert planted == {(error.text, error.label, error.change) for error in found[:3]}
    assert {("hot",), ("cold",), ()} == {error.suggested for error in found[:3]}
    assert all(error.score < -0.5 for error in found[:3])
    assert len(found) == 3


def test_the_surest_comes_first_and_the_score_is_the_normalised_margin() -> None:
    records = [record(row, *(("hot",) if row < 4 else ())) for row in range(8)]
    yes = np.array([0.9, 0.9, 0.2, 0.05, 0.1, 0.1, 0.95, 0.1], dtype=np.float32)
    found = find_label_errors(records, np.stack([yes, np.full(8, 0.5, dtype=np.float32)], axis=1), labels=TWO)
    of_hot = [(error.index, error.document, error.change, error.score) for error in found if error.label == "hot"]
    assert [(3, "d0", "remove", -0.9), (1, "d1", "add", -0.9), (2, "d0", "remove", -0.6)] == sorted(
        of_hot, key=lambda one: (one[3], one[1])
    )


def test_labels_in_doubt_are_no_errors() -> None:
    true = [("hot",) if row % 2 else () for row in range(40)]
    records = [record(row, *roles) for row, roles in enumerate(true)]
    probabilities = says(true, TWO.names, seed=2, surest=(3,))
    records[3] = record(3, unsure=("hot",))
    assert "text 3" not in {error.text for error in find_label_errors(records, probabilities, labels=TWO)}
    records[3] = record(3)
    assert "text 3" == find_label_errors(records, probabilities, labels=TWO)[0].text


def test_an_exclusive_set_suggests_one_label_in_place_of_another() -> None:
    true = [(("raid",), ("talk",), ())[row % 3] for row in range(60)]
    records = [record(row, *roles) for row, roles in enumerate(true)]
    names = [roles or ("calm",) for roles in true]
    probabilities = says(names, KINDS.names, seed=3, surest=(0, 1, 2, 3))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    records[0], records[1], records[3] = record(0, "talk"), record(1), record(3, unsure=("raid",))
    found = find_label_errors(records, probabilities, labels=KINDS)
    assert {("text 0", ("raid",), "raid"), ("text 1", ("talk",), "talk")} == {
        (error.text, error.suggested, error.label) for error in found
    }
    records[2] = record(2, "raid")
    (third,) = (error for error in find_label_errors(records, probabilities, labels=KINDS) if error.text == "text 2")
    assert ((), "calm", ("raid",)) == (third.suggested, third.label, third.roles)


def test_a_label_that_nothing_has_gives_no_candidates() -> None:
    records = [record(row) for row in range(10)]
    assert () == find_label_errors(records, np.full((10, 2), 0.3, dtype=np.float32), labels=TWO)


def test_a_candidate_is_written_beside_the_labels_given() -> None:
    records = [record(row, *(("hot",) if row < 4 else ())) for row in range(8)]
    yes = np.array([0.9, 0.9, 0.9, 0.05, 0.1, 0.1, 0.1, 0.1], dtype=np.float32)
    (error,) = find_label_errors(records, np.stack([yes, 1 - yes], axis=1)[:, [0, 0]] * [1, 0.0], labels=TWO)
    row = as_record(error)
    assert (("hot",), [], "hot", "remove", "rows.jsonl:4") == (
        row.roles,
        row.extra["suggested"],
        row.extra["label"],
        row.extra["change"],
        row.extra["place"],
    )


def test_a_class_that_models_are_sure_of_asks_for_as_much_before_a_label_is_doubted() -> None:
    records = [record(row, *(("hot",) if row < 4 else ())) for row in range(8)]
    hot = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.1, 0.1, 0.1], dtype=np.float32)
    assert () == find_label_errors(records, np.stack([hot, np.zeros(8, dtype=np.float32)], axis=1), labels=TWO)

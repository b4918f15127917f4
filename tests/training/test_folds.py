"""Folds: no group in two of them, labels in even shares, the same for the same seed, refused where groups lack."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from eventroles.labels import ConfigError, Record
from eventroles.training.folds import Folds, cut_folds, find_shared, refuse_shared
from hypothesis import given, settings
from hypothesis import strategies as st


def corpus(sizes: list[int], roles: list[set[str]]) -> list[Record]:
    """Return a document of each size; the first role set is that of its first sentence, and so on, over and over."""
    records, place = [], 0
    for document, size in enumerate(sizes):
        for index in range(size):
            records.append(Record(f"d{document}", index, f"text {place}", tuple(sorted(roles[place % len(roles)]))))
            place += 1
    return records


def has(record: Record, kind: str | None) -> bool:
    return kind in record.roles if kind else not record.roles


def shares(folds: Folds, role: str) -> list[float]:
    records = [[folds.records[row] for row in folds.held_out(fold)] for fold in range(folds.count)]
    return [sum(role in record.roles for record in some) for some in records]


@given(
    st.lists(st.integers(1, 6), min_size=12, max_size=40),
    st.lists(st.sets(st.sampled_from("abc")), min_size=3, max_size=7),
    st.integers(2, 5),
    st.integers(0, 3),
)
@settings(max_examples=60)
def test_any_corpus_is_cut_into_whole_groups_with_even_labels(
    sizes: list[int], roles: list[set[str]], count: int, seed: int
) -> None:
    records = corpus(sizes, roles)
    folds = cut_folds(records, folds=count, group="document", seed=seed)
    homes: dict[str, set[int]] = {}
    for record, fold in zip(folds.records, folds.of_record, strict=True):
        homes.setdefault(record.document, set()).add(int(fold))
    assert {1} == {len(some) for some in homes.values()}
    assert set(range(count)) == {fold for some in homes.values() for fold in some}
    # The rarest kind of sentence is dealt first, those without a role being a kind too: no fold has more of it than its
    # share and one document.
    kinds = [*sorted({role for some in roles for role in some}), None]
    rows_of = {kind: [record for record in folds.records if has(record, kind)] for kind in kinds}
    rarest = min((kind for kind in kinds if rows_of[kind]), key=lambda kind: len(rows_of[kind]))
    largest = max(Counter(record.document for record in rows_of[rarest]).values())
    counts = [sum(has(folds.records[row], rarest) for row in folds.held_out(fold)) for fold in range(count)]
    assert max(counts) <= len(rows_of[rarest]) / count + largest


def test_folds_of_equal_documents_are_equal() -> None:
    folds = cut_folds(corpus([10] * 30, [{"a"}, set(), {"b"}, set(), set()]), folds=5, group="document", seed=1)
    assert [60] * 5 == [len(folds.held_out(fold)) for fold in range(5)]
    assert [12] * 5 == shares(folds, "a") == shares(folds, "b")


def test_the_seed_decides_the_folds() -> None:
    records = corpus([3] * 20, [{"a"}, set()])
    first, again, other = (cut_folds(records, folds=4, group="document", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.of_record, again.of_record)
    assert not np.array_equal(first.of_record, other.of_record)


def test_the_splits_of_a_fold_share_no_group_and_lose_no_row() -> None:
    records = corpus([4] * 20, [{"a"}, set(), {"b"}])
    folds = cut_folds(records, folds=4, group="document", seed=1)
    tested = []
    for fold in range(4):
        splits = folds.splits(fold, share=0.2, seed=1)
        parts = [{record.document for record in part} for part in (splits.train, splits.validation, splits.test)]
        assert 20 == sum(map(len, parts)) == len(set.union(*parts))
        assert 80 == sum(map(len, (splits.train, splits.validation, splits.test)))
        assert splits.validation
        tested += splits.test
    assert sorted(map(id, records)) == sorted(map(id, tested))


def test_named_validation_sentences_serve_every_fold_and_cost_no_training_sentence() -> None:
    folds = cut_folds(corpus([4] * 10, [{"a"}, set()]), folds=2, group="document", seed=1)
    named = [Record("other", 0, "text", ("a",))]
    splits = folds.splits(0, validation=named)
    assert (20, 1, 20) == (len(splits.train), len(splits.validation), len(splits.test))


def test_too_few_groups_are_refused_with_what_to_do() -> None:
    records = corpus([4, 4, 4], [{"a"}, set()])
    with pytest.raises(ConfigError, match=r"only 3 different values of 'document' in 12 rows.*take 3 folds or fewer"):
        cut_folds(records, folds=5, group="document", seed=1)
    with pytest.raises(ConfigError, match=r"only 1 different values.*label sentences of more of them"):
        cut_folds(records[:4], folds=2, group="document", seed=1)
    with pytest.raises(ConfigError, match="has no validation sentences: 2 groups are left"):
        cut_folds(records, folds=3, group="document", seed=1).splits(0, share=0.0, seed=1)


def test_the_same_sentence_in_two_folds_is_found_and_refused() -> None:
    long = "soldiers of the north crossed the river at dawn and took the bridge"
    records = [Record(f"d{k}", 0, long if k in (0, 5) else f"{k} calm", ()) for k in range(6)]
    folds = Folds(tuple(records), tuple(record.document for record in records), np.array([0, 0, 0, 1, 1, 1]), 2)
    assert [0, 5] == find_shared(folds)
    with pytest.raises(ConfigError, match=r"2 of 6 sentences.*\(d0, d5 …\).*split\.group=story"):
        refuse_shared(folds, [0, 5], group="document")
    apart = Folds(folds.records, folds.keys, np.array([0, 0, 0, 1, 1, 0]), 2)
    assert [] == find_shared(apart)
    refuse_shared(apart, [], group="document")

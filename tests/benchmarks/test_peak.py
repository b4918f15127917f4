"""Tests of counting operations and of measuring what the machine can do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from peak import Operations, Shape, Share, count_operations, measure_peak

# Counted by hand for one layer of two units, three inner ones and one label: 2 × (4·4 + 2·6) = 56 for a token, 8 for a
# pair of tokens, 2 × (4 + 2) for the head.
ONE_LAYER = Shape(layers=1, hidden=2, intermediate=3, labels=1)


def test_operations_are_those_counted_by_hand() -> None:
    # The one layer is the last: keys and values of both tokens, all else of the first.
    needed = 2 * (2 * 2 * 4 + 2 * 4 + 2 * 6) + 8 * 2 + 12
    assert Operations(full=2 * 56 + 4 * 8 + 12, needed=needed) == count_operations(ONE_LAYER, [2])


def test_operations_are_the_mean_over_the_sentences() -> None:
    one, three = (count_operations(ONE_LAYER, [length]).full for length in (1, 3))
    assert (one + three) / 2 == count_operations(ONE_LAYER, [1, 3]).full


def test_a_minilm_has_twice_as_many_operations_a_token_as_weights() -> None:
    minilm = Shape(layers=6, hidden=384, intermediate=1536, labels=4)
    counted = count_operations(minilm, [27])
    assert 21.3e6 == pytest.approx(counted.full / 27, rel=0.05)  # twice its 10.6 million weights, and attention
    assert 5 / 6 < counted.needed / counted.full < 0.9


def test_the_shape_is_read_from_the_model_folder(tmp_path: Path) -> None:
    config = {"num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 16, "id2label": {"0": "a", "1": "b"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert Shape(3, 8, 16, 2) == Shape.load(tmp_path)


def test_the_share_is_of_what_is_needed() -> None:
    share = Share("engine", Operations(full=200.0, needed=100.0), speed=3.0, peak=600.0)
    assert 0.5 == share.share


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_peak_is_measured(precision: str) -> None:
    pytest.importorskip("onnx")
    assert measure_peak(precision, seconds=0.001) > 1e6

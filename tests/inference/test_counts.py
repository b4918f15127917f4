"""Corrected counts: their intervals hold the truth as often as they say, and raw counts do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from eventroles.inference.counts import correct, measured_errors, problems
from eventroles.inference.errorrates import LabelErrors, ScoreMoments
from eventroles.inference.tallies import Tallies, Tally
from eventroles.labels import ConfigError
from hypothesis import given
from hypothesis import strategies as st


def errors_of(tp: int, fp: int, fn: int, tn: int, *, high: float = 0.8, low: float = 0.2) -> LabelErrors:
    return LabelErrors(
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        positive_effective=tp + fn,
        negative_effective=fp + tn,
        positive=ScoreMoments(mean=high, variance=0.03, effective=tp + fn) if tp + fn else None,
        negative=ScoreMoments(mean=low, variance=0.03, effective=fp + tn) if fp + tn else None,
    )


def tally(sentences: int, counted: int, total: float) -> Tallies:
    return Tallies(("period",), ("attack",), {("2026-03",): Tally([counted], [total], sentences)})


class Archive:
    """Sentences of which a share has a role, and a model that errs on them with rates that do not change.

    Scores are so made that a threshold of 0.5 gives true positives at the rate of 0.85 and false ones at that of 0.1.
    """

    def __init__(self, *seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def draw(self, sentences: int, share: float) -> tuple[np.ndarray, np.ndarray]:
        has = self.random.random(sentences) < share
        logits = np.where(has, 1.35, -1.67) + self.random.normal(0, 1.3, sentences)
        return has, 1 / (1 + np.exp(-logits))

    def errors(self, sentences: int, share: float) -> LabelErrors:
        has, scores = self.draw(sentences, share)
        given = scores >= 0.5
        cells = [int((has & given).sum()), int((~has & given).sum()), int((has & ~given).sum())]
        moments = [
            ScoreMoments(mean=part.mean(), variance=part.var(ddof=1), effective=len(part))
            for part in (scores[has], scores[~has])
        ]
        return LabelErrors(
            tp=cells[0],
            fp=cells[1],
            fn=cells[2],
            tn=sentences - sum(cells),
            positive_effective=float(has.sum()),
            negative_effective=float((~has).sum()),
            positive=moments[0],
            negative=moments[1],
        )


@pytest.mark.parametrize(("level", "least", "most"), [(0.95, 0.9, 0.99), (0.8, 0.74, 0.87)])
@pytest.mark.parametrize("share", [0.03, 0.15, 0.6, 0.9])
def test_the_intervals_hold_the_truth_at_their_stated_rate_and_the_raw_count_is_wrong(
    share: float, level: float, least: float, most: float
) -> None:
    adjusted = probability = raw = 0
    for seed in range(400):
        archive = Archive(seed)
        errors = archive.errors(400, 0.25)  # the role is as frequent in the test set as it is, whatever it is here
        has, scores = archive.draw(1000, share)
        given, true = int((scores >= 0.5).sum()), int(has.sum())
        (count,) = correct(tally(1000, given, float(scores.sum())), {"attack": errors}, level=level)
        assert count.adjusted is not None
        assert count.probability is not None
        adjusted += count.adjusted.low <= true <= count.adjusted.high
        probability += count.probability.low <= true <= count.probability.high
        raw += abs(given - true) <= 1.96 * np.sqrt(given * (1 - given / 1000))
    assert least <= adjusted / 400 <= most, "adjusted classify-and-count"
    assert least <= probability / 400 <= most, "from probabilities"
    assert raw / 400 < 0.7


def test_the_estimates_are_those_of_the_formula() -> None:
    # tpr 0.8, fpr 0.1: 100 true ones among 400 are 80 + 30 given ones.
    errors = errors_of(80, 30, 20, 270)
    (count,) = correct(tally(400, 110, 0.8 * 100 + 0.2 * 300), {"attack": errors})
    assert count.adjusted is not None
    assert count.probability is not None
    assert (110, 400, ("2026-03",)) == (count.counted, count.sentences, count.key)
    assert (100.0, 100.0) == (pytest.approx(count.adjusted.value), pytest.approx(count.probability.value))
    assert count.adjusted.low < 100 < count.adjusted.high


def test_a_larger_test_set_gives_narrower_intervals_and_alike_sentences_wider_ones() -> None:
    def width(errors: LabelErrors) -> float:
        (count,) = correct(tally(400, 110, 140.0), {"attack": errors})
        assert count.adjusted is not None
        return count.adjusted.high - count.adjusted.low

    small, large = errors_of(40, 15, 10, 135), errors_of(800, 300, 200, 2700)
    alike = large.model_copy(update={"positive_effective": 50.0, "negative_effective": 150.0})
    assert width(large) < 0.7 * width(small)
    assert width(large) < 0.7 * width(alike)


@given(
    st.integers(0, 500),
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(*[st.integers(0, 40)] * 4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_counts_lie_between_none_and_all_whatever_comes(
    sentences: int, given_share: float, score: float, cells: tuple[int, ...], high: float, low: float
) -> None:
    tallies = tally(sentences, int(given_share * sentences), score * sentences)
    (count,) = correct(tallies, {"attack": errors_of(*cells, high=high, low=low)})
    for found in (count.adjusted, count.probability):
        if found is not None:
            assert 0 <= found.low <= found.high <= sentences
            assert found.value is None or 0 <= found.value <= sentences


def test_the_same_seed_gives_the_same_intervals() -> None:
    errors = {"attack": errors_of(40, 15, 10, 135)}
    first, again, other = (list(correct(tally(400, 110, 140.0), errors, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_without_error_rates_roles_are_only_counted() -> None:
    (count,) = correct(tally(400, 110, 140.0), {})
    assert (110, None, None) == (count.counted, count.adjusted, count.probability)
    assert ["attack: no error rates, so that it is only counted"] == problems([count], {})


@pytest.mark.parametrize(
    ("errors", "reasons"),
    [
        (errors_of(80, 30, 20, 270), []),
        (errors_of(20, 3, 5, 272), ["25 sentences with it, fewer than 30"]),
        (errors_of(80, 3, 20, 17), ["20 sentences without it, fewer than 30"]),
        (errors_of(20, 60, 30, 90, high=0.5, low=0.49), ["not show that it is given more often", "from none to all"]),
    ],
)
def test_a_test_set_that_is_too_small_to_say_is_told_in_one_line(errors: LabelErrors, reasons: list[str]) -> None:
    counts = list(correct(tally(400, 160, 200.0), {"attack": errors}))
    lines = problems(counts, {"attack": errors})
    assert min(1, len(reasons)) == len(lines)
    assert all(reason in lines[0] for reason in reasons)


def test_a_test_set_without_the_role_gives_no_estimate() -> None:
    errors = {"attack": errors_of(0, 30, 0, 270)}
    counts = list(correct(tally(400, 160, 200.0), errors))
    assert counts[0].adjusted is None
    assert "0 sentences with it" in problems(counts, errors)[0]


def test_the_error_rates_of_a_model_are_in_its_folder(model_folder: Path) -> None:
    found = measured_errors(str(model_folder), precision=None)
    assert ["attack", "retaliation", "casualty_report", "official_statement"] == list(found.errors)
    assert all(errors.positives and errors.negatives for errors in found.errors.values())
    assert (str(model_folder), 12) == (found.name, len(found.revision))


def test_a_model_of_an_older_version_says_how_to_get_error_rates(tmp_path: Path, model_folder: Path) -> None:
    copy = Path(shutil.copytree(model_folder, tmp_path / "old"))
    manifest = json.loads((copy / "eventroles.json").read_text(encoding="utf-8"))
    del manifest["errors"]
    (copy / "eventroles.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"trained before error rates were kept.*--errors FILE"):
        measured_errors(str(copy), precision=None)

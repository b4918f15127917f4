"""Colours of labels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eventroles.labels import LabelSet
from eventroles.training.page.colours import DARK_PAPER, PAPER, contrast, label_colours
from hypothesis import given
from hypothesis import strategies as st


def test_contrast_is_that_of_wcag() -> None:
    assert 21.0 == pytest.approx(contrast("#000000", "#ffffff"))
    assert 4.54 == pytest.approx(contrast("#767676", "#ffffff"), abs=0.01)


@given(color=st.from_regex(r"\A#[0-9A-Fa-f]{6}\Z"))
def test_any_colour_can_be_read_in_light_and_dark(make_label_set: Callable[..., LabelSet], color: str) -> None:
    (found,) = label_colours(make_label_set(1, color=color))
    assert color.lower() == found.fill
    assert contrast(found.fill, found.text) >= 4.5
    assert contrast(found.light, PAPER) >= 3
    assert contrast(found.dark, DARK_PAPER) >= 3


def test_a_colour_that_stands_out_stays_as_it_is() -> None:
    colours = label_colours(LabelSet.load("roles"))
    assert "#0072b2" in [colour.light for colour in colours]

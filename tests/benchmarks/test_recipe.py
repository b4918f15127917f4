"""The recipe benchmark: variants that are configs, whole files held out, a table of what was run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import recipe
from conftest import make_rows, write_jsonl
from eventroles.configs import data_files, load_config


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_every_variant_but_the_first_differs_from_the_shipped_config(name: str) -> None:
    settings = [one for one in recipe.VARIANTS[name] if "=" in one]
    changed = load_config("seeds", settings) != load_config("seeds")
    fewer_files = {"without the six newest files", "without the 26 newest files", "the ten oldest files alone"}
    assert changed == (name not in {"as shipped", *fewer_files})


def test_the_files_that_are_held_out_the_oldest_and_the_newest_are_different_parts_of_the_corpus() -> None:
    parts = {path.stem for path in data_files(["package:corpus"], key="data.train")}
    newest = [*recipe.TWENTY_FILES_BEFORE, *recipe.SIX_NEWEST_FILES]
    named = [*recipe.HELD_OUT, *recipe.FITTED_ON, *recipe.OLDEST_FILES, *newest]
    assert parts > {*named}
    assert len(named) == len({*named})


@pytest.mark.slow
def test_a_variant_is_trained_without_the_files_that_it_is_scored_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Sequence[str]
) -> None:
    paths = []
    parts = ("plain", "between", "shorts", "quoted", *recipe.FITTED_ON, *recipe.HELD_OUT)
    for number, stem in enumerate(parts):
        rows = [row | {"document": f"{stem}-{row['document']}"} for row in make_rows(12, seed=number)]
        paths.append(write_jsonl(tmp_path / f"{stem}.jsonl", rows))
    monkeypatch.setattr(recipe, "data_files", lambda *_, **__: paths)
    page = tmp_path / "recipe.md"
    page.write_text(
        "before\n<!-- table of benchmarks/recipe.py -->\n<!-- end of the table -->\nafter\n", encoding="utf-8"
    )
    monkeypatch.setattr(recipe, "PAGE", page)
    quick = [one for one in settings if not one.startswith(("data.", "training.epochs"))]
    runs, names = tmp_path / "runs", [*recipe.VARIANTS][:3]
    for name in names:
        recipe.run(name, runs=runs, settings=[*quick, "training.epochs=1"])
    left = recipe.write_table(runs)
    assert [name for name in recipe.VARIANTS if name not in names] == left
    held_out = len(recipe.HELD_OUT) * len(make_rows(12, seed=0))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert f"{held_out} sentences of" in text
    assert text.endswith("after\n")
    trained = {name: json.loads((runs / name.replace(" ", "-") / "eventroles.json").read_text()) for name in names}
    sizes = [trained[name]["data"]["train"]["sentences"] for name in names]
    assert sizes[0] > sizes[1] > sizes[2]
    fitted = {trained[name]["data"]["validation"]["documents"] for name in names}
    assert {12 * len(recipe.FITTED_ON)} == fitted
    assert all(f"| {name} | {size} | **" in text for name, size in zip(names, sizes, strict=True))

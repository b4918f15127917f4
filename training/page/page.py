"""An evaluation made into one HTML page, beside its figures and its numbers as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...inference.bundle import Bundle
from ...labels.errors import require
from ...labels.wholefile import whole_file
from ..evaluate import Evaluation
from ..numbers import write_json
from . import provenance, sections, words
from .canvas import Drawing, figure_files, inline_svg
from .colours import LabelColour, label_colours
from .extras import EXTRAS, view_extras
from .findings import Findings
from .plots import (
    calibration_drawing,
    confusion_drawing,
    curve_drawing,
    curves_drawing,
    learning_drawing,
    perturbations_drawing,
    reliability_drawing,
    scores_drawing,
)

if TYPE_CHECKING:
    import jinja2

PAGE, NUMBERS, FIGURES = "report.html", "report.json", "figures"
"""What a report's folder holds."""
# Keys whose values may be paths: rows without a document are named after their file.
_PLACES = ("place", "other_place", "document")
_SENTENCES_OF_OURS = ("baseline_missing", "warnings")
Plain = Mapping[str, Any]


def write_report(
    folder: Path,
    evaluation: Evaluation,
    *,
    findings: Findings | None = None,
    bundle: Bundle | None = None,
    warnings: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
    date: str = "",
) -> Path:
    """Write ``report.html``, ``report.json`` and ``figures/`` (PNG and SVG) into a folder, and return the page.

    The page needs no other file and no network. The same input gives the same bytes. Each file is written whole or not
    at all; those of an earlier report are replaced.

    Args:
        folder: made if it is not there.
        evaluation: what `evaluate` returns.
        findings: other results on the same model.
        bundle: the model folder, for what it was trained from; None leaves that out.
        warnings: what else the reader should know, one sentence each.
        about: more rows on the data, such as ``{"Dates of the articles": "2019 to 2021"}``.
        date: of the report, as it is to be written; empty for none.

    Raises:
        DataError: a file cannot be written.
        EventRolesError: matplotlib or jinja2 is not installed.
    """
    found = (findings or Findings()).to_dict()
    numbers = {
        "evaluation": evaluation.to_dict(),
        **found,
        "model": provenance.describe_model(bundle) if bundle else None,
        "warnings": list(warnings),
        "about": dict(about or {}),
        "date": date,
    }
    numbers["evaluation"]["name"] = words.shown_name(evaluation.name)
    numbers["evaluation"]["data"] = [words.shown_name(one) for one in evaluation.data]
    by_document = (one["groups"] for one in numbers["evaluation"]["slices"] if one["column"] == "document")
    for group in (group for groups in by_document for group in groups):
        group["value"] = words.shown_name(group["value"])
    numbers = _without_places(numbers)
    colours = label_colours(evaluation.labels)
    files = {PAGE: _render(numbers, colours).encode("utf-8")}
    for drawing in _for_papers(numbers, colours):
        files |= {f"{FIGURES}/{name}": content for name, content in figure_files(drawing).items()}
    for name, content in files.items():
        with whole_file(folder / name) as file:
            file.write(content)
    write_json(numbers, folder / NUMBERS)
    return folder / PAGE


def _render(numbers: Plain, colours: Sequence[LabelColour]) -> str:
    evaluation, names = numbers["evaluation"], list(numbers["evaluation"]["model"]["labels"])
    variables = {colour.light: f"var(--line-{k})" for k, colour in reversed(list(enumerate(colours)))}

    def svg(drawing: Drawing) -> str:
        return inline_svg(drawing, colours=variables)

    environment = _environment()
    return environment.get_template("report.html.j2").render(
        svg=lambda drawing: environment.globals["Markup"](svg(drawing)),  # type: ignore[operator]
        css=_text("report.css"),
        colours=colours,
        place={name: k for k, name in enumerate(names)},
        titles=sections.titles(evaluation),
        definitions={label["name"]: label["definition"] for label in evaluation["labels"]["labels"]},
        sections=sections.SECTIONS,
        numbers=numbers,
        evaluation=evaluation,
        summary=sections.summarise(evaluation, numbers["warnings"]),
        scores=sections.tabulate_scores(evaluation),
        confusion=sections.tabulate_confusion(evaluation),
        slices=sections.tabulate_slices(evaluation),
        mistakes=sections.order_mistakes(evaluation),
        sample_points=sections.sample_points,
        extras=view_extras(numbers),
        how_to_get=EXTRAS,
        drawings=_for_the_page(numbers, colours),
        evaluated=provenance.evaluated(evaluation, numbers["about"], numbers["date"]),
        rule_rows=provenance.rule_rows(evaluation),
        trained=provenance.trained(numbers["model"]) if numbers["model"] else [],
        splits=provenance.splits(numbers["model"]) if numbers["model"] else [],
    )


def _for_the_page(numbers: Plain, colours: Sequence[LabelColour]) -> dict[str, Any]:
    evaluation, titles = numbers["evaluation"], sections.titles(numbers["evaluation"])
    lines = dict(zip(titles, (colour.light for colour in colours), strict=True))
    robustness, learning = numbers["robustness"], numbers["learning_curve"]
    return {
        "scores": scores_drawing(evaluation["model"], evaluation["baseline"], titles=titles),
        "curves": {
            name: curve_drawing(str(k), curve, title=titles[name], color=lines[name])
            for k, (name, curve) in enumerate(evaluation["curves"].items())
        },
        "calibration": {
            name: reliability_drawing(str(k), found, title=titles[name], color=lines[name])
            for k, (name, found) in enumerate(evaluation["calibration"].items())
        },
        "robustness": perturbations_drawing(robustness["perturbations"], robustness["actors"]) if robustness else None,
        "learning_curve": learning_drawing(learning, titles=titles, colors=lines) if learning else None,
    }


def _for_papers(numbers: Plain, colours: Sequence[LabelColour]) -> list[Drawing]:
    evaluation, titles = numbers["evaluation"], sections.titles(numbers["evaluation"])
    lines, robustness = [colour.light for colour in colours], numbers["robustness"]
    drawings = [
        scores_drawing(evaluation["model"], evaluation["baseline"], titles=titles),
        curves_drawing(evaluation["curves"], titles=titles, colors=lines),
        calibration_drawing(evaluation["calibration"], titles=titles, colors=lines),
        confusion_drawing(evaluation["confusion"], titles=titles),
    ]
    if robustness:
        drawings.append(perturbations_drawing(robustness["perturbations"], robustness["actors"]))
    if numbers["learning_curve"]:
        by_label = dict(zip(titles, lines, strict=True))
        drawings.append(learning_drawing(numbers["learning_curve"], titles=titles, colors=by_label))
    return drawings


def _environment() -> jinja2.Environment:
    library = require("jinja2", extra="train")
    markup = require("markupsafe", extra="train").Markup

    def clean(value: Any) -> Any:
        return words.printable(value) if isinstance(value, str) and not isinstance(value, markup) else value

    environment: jinja2.Environment = library.Environment(
        loader=library.FunctionLoader(_text),
        autoescape=True,  # sentences are anybody's text
        undefined=library.StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = ("decimal", "percent", "count", "span", "percent_span", "without_folders", "shown_name")
    environment.filters |= {name: getattr(words, name) for name in names}
    environment.globals |= {"Markup": markup, "counted": words.counted, "defined": words.defined}
    return environment


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _without_places(value: Any, key: str = "") -> Any:
    """Return plain data in which no place names a folder of this machine."""
    if isinstance(value, Mapping):
        return {name: _without_places(inner, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(inner, key) for inner in value]
    if not isinstance(value, str) or key not in (*_PLACES, *_SENTENCES_OF_OURS):
        return value
    return words.shown_name(value) if key in _PLACES else words.without_folders(value)

"""`eventroles evaluate`."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import notes, results
from ..labels.errors import ConfigError
from .options import Labels

if TYPE_CHECKING:
    from ..training.compare import ModelComparison
    from ..training.evaluate import Evaluation
    from ..training.page import Findings

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_DATA_SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


def evaluate_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder, or an id on the Hugging Face Hub.")],
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] DATA...",
            help="A second model to test against the first, if any; then labelled sentences: .jsonl, .csv, .parquet, "
            "or folders of them.",
        ),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Also give pass rates for each value of this column, or by 'length'; may be given several times.",
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write all numbers to a JSON file.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write a report: report.html, its plots and its numbers."),
    ] = None,
    include: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Put the results of another command, such as those of 'robustness --json', into the report; may be "
            "given several times.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx (the exported model, on the CPU) or torch.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Full precision: fp32 where the CPU would run int8.")] = False,
    text_column: Annotated[str | None, typer.Option(help="Column with the text [default: as in training].")] = None,
    roles_column: Annotated[str | None, typer.Option(help="Column with the labels [default: as in training].")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
    labels: Labels = None,
) -> None:
    """Score a model on labelled sentences, beside a TF-IDF baseline trained on the same data.

    With a second model before the data, test the two against each other on the same sentences.

    \b
    eventroles evaluate runs/seeds my-sentences.jsonl
    eventroles evaluate runs/seeds labels/codebook.jsonl --by rule
    eventroles evaluate runs/seeds my-sentences.jsonl --by length --by genre --json scores.json
    eventroles evaluate runs/seeds my-sentences.jsonl --report reports/seeds
    eventroles evaluate runs/old runs/new my-sentences.jsonl
    """
    from ..configs import data_files
    from ..labels import LabelSet

    warnings.filterwarnings("ignore", category=UserWarning)
    second = data[0] if _is_model(data[0]) else None
    files = data[1:] if second else data
    options: dict[str, Any] = {
        "device": device,
        "backend": backend,
        "exact": exact,
        "text_column": text_column,
        "roles_column": roles_column,
        "labels": LabelSet.load(labels) if labels else None,
    }
    if json is not None and json.is_dir():
        raise ConfigError(f"--json: {json} is a folder; name a file")
    if report is not None and report.exists() and not report.is_dir():
        raise ConfigError(f"--report: {report} is a file; name a folder")
    if include and report is None:
        raise ConfigError("--include: there is no report to put it into; give --report FOLDER as well")
    if second is not None:
        _check_two(second, files, by, revision, report)
        from ..training.compare import compare

        compared = compare(model, second, data=data_files(files, key="DATA"), **options)
        _print_comparison(compared)
        _write(compared, json)
        return
    paths = data_files(files, key="DATA")
    from ..training.evaluate import evaluate

    findings = _read(include or [])
    found = evaluate(model, paths, by=by or (), revision=revision, **options)
    if report is not None:
        _write_report(found, report, findings, model=model, revision=revision)
    _print_evaluation(found, title=f"{model} on {', '.join(data)}", by=by or [])
    _write(found, json)


def _is_model(name: str) -> bool:
    """Whether an argument after the first names a second model: a model folder, an address, or what may be a Hub id."""
    from ..inference.manifest import MANIFEST
    from ..inference.remote import is_remote

    if is_remote(name):  # labelled sentences are read from files of this machine only
        return not name.lower().endswith(_DATA_SUFFIXES)
    try:
        path = Path(name).expanduser()
        if path.exists():
            return (path / MANIFEST).is_file() or (path / "config.json").is_file()
    except (OSError, RuntimeError, ValueError):  # no access, the home of nobody, a name that no file can have
        return False
    return bool(_HUB_ID.fullmatch(name)) and not name.lower().endswith(_DATA_SUFFIXES)


def _read(paths: list[Path]) -> Findings:
    from ..training.page import read_findings

    return read_findings(paths)


def _write_report(found: Evaluation, folder: Path, findings: Findings, *, model: str, revision: str | None) -> None:
    from ..inference.bundle import load_bundle
    from ..inference.hub import HubAccess, fetch_model
    from ..training.page import write_report

    bundle = load_bundle(fetch_model(model, HubAccess(revision)), name=model)
    warnings = [_of_seen(found)] if found.seen else []
    page = write_report(folder, found, findings=findings, bundle=bundle, warnings=warnings)
    notes().print(f"report: {page}", soft_wrap=True)


def _check_two(second: str, files: list[str], by: list[str] | None, revision: str | None, report: Path | None) -> None:
    if not files:
        raise ConfigError(
            f"no labelled sentences: {second!r} is taken for a second model, as it is a model folder or could be a Hub "
            "id; add the data after it, or give a data file that is there"
        )
    given = [name for name, value in (("--by", by), ("--revision", revision), ("--report", report)) if value]
    if given:
        raise ConfigError(f"{' and '.join(given)}: for one model only; leave it out, or evaluate one model at a time")


def _print_evaluation(found: Evaluation, *, title: str, by: list[str]) -> None:
    from ..training.report import calibration_table, confusion_table, groups_table, scores_table

    out, console = results(), notes()
    out.print(scores_table(found.model, found.baseline, title=title))
    out.print(calibration_table(found.calibration))
    out.print(confusion_table(found.confusion))
    for one in found.slices:
        if one.column in by:
            out.print(groups_table(one.groups, by=one.column))
    if found.baseline is None:
        console.print(f"note: no baseline beside it: {found.baseline_missing}", soft_wrap=True)
    _warn(found.truncated, "the model's")
    if found.seen:
        console.print(f"warning: {_of_seen(found)}", style="yellow", soft_wrap=True)


def _of_seen(found: Evaluation) -> str:
    return (
        f"{found.seen} of the {found.model.sentences} sentences, or nearly the same ones, are in the model's training "
        "split: the scores are too good; evaluate it on others"
    )


def _print_comparison(found: ModelComparison) -> None:
    from ..training.report import comparison_table

    results().print(comparison_table(found))
    _warn(found.truncated[0], "the first model's")
    _warn(found.truncated[1], "the second model's")


def _warn(truncated: int, whose: str) -> None:
    if truncated:
        notes().print(
            f"warning: {truncated} sentences are longer than {whose} window; their ends were not read",
            style="yellow",
            soft_wrap=True,
        )


def _write(found: Evaluation | ModelComparison, path: Path | None) -> None:
    if path is not None:
        from ..training.numbers import write_json

        write_json(found.to_dict(), path)

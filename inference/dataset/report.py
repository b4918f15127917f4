"""The report of a dataset folder: what was tagged, what failed and why, how fast, and from what; JSON and text."""

from __future__ import annotations

import json
import platform
from collections import Counter
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

from ..outcome import Origin, RunSummary
from .folder import FAILURES, Dataset

_PACKAGES = ("eventroles", "numpy", "onnxruntime", "sentencex", "tokenizers", "torch")
_REASON_SHOWN = 60  # characters by which failures are counted together
_MOST_REASONS = 30
_MOST_NAMES = 20


def write_report(dataset: Dataset, summary: RunSummary, origin: Origin) -> None:
    """Write ``report.json`` and ``report.txt`` into a dataset folder.

    Raises:
        DataError: they cannot be written.
    """
    report = describe(dataset, summary, origin)
    dataset.write_file("report.json", (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    dataset.write_file("report.txt", as_text(report).encode())


def describe(dataset: Dataset, summary: RunSummary, origin: Origin) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    plan = summary.plan
    reasons = Counter(
        (
            failure.stage,
            failure.reason[:_REASON_SHOWN].rpartition(" ")[0]
            if len(failure.reason) > _REASON_SHOWN
            else failure.reason,
        )
        for failure in dataset.ledger.failures()
    )
    return {
        "output": str(summary.output),
        "is_complete": summary.is_complete,
        "documents": summary.documents,
        "sentences": summary.sentences,
        "roles": dict(summary.roles),
        "without_role": summary.without_role,
        "failed": summary.failed,
        "failed_by_stage": dict(summary.failed_stages),
        "failed_by_reason": [
            {"stage": stage, "reason": reason, "count": count}
            for (stage, reason), count in reasons.most_common(_MOST_REASONS)
        ],
        "inputs": {
            "done_before": plan.earlier if plan else 0,
            "read_now": plan.sources if plan else 0,
            "read_again": list(plan.changed) if plan else [],
            "gone": list(plan.removed) if plan else [],
            "passed_over": dict(summary.passed_over),
        },
        "this_run": {
            "sentences": summary.tagged,
            "seconds": round(summary.seconds, 1),
            "sentences_per_second": round(summary.sentences_per_second),
            "truncated": summary.truncated,
            "repeated": summary.repeated,
        },
        "provenance": {
            "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "model": origin.model,
            "revision": origin.revision,
            "engine": origin.engine,
            "config": dataset.config,
            "options": dataset.identity,
            "python": platform.python_version(),
            "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        },
    }


def as_text(report: dict[str, Any]) -> str:
    """Return the report for people."""
    now, inputs, made = report["this_run"], report["inputs"], report["provenance"]
    state = "complete" if report["is_complete"] else "interrupted: run the same command again to go on"
    lines = [
        f"{report['output']}: {state}",
        "",
        f"{report['documents']:,} documents, {report['sentences']:,} sentences, {report['failed']:,} failures",
        *(f"  {count:>12,}  {name}" for name, count in report["roles"].items()),
        f"  {report['without_role']:>12,}  no role",
        "",
        f"This run: {now['sentences']:,} sentences in {now['seconds']:,} s ({now['sentences_per_second']:,} a second)",
        f"Inputs: {inputs['read_now']:,} read now, {inputs['done_before']:,} done before, "
        f"{len(inputs['read_again']):,} read again, {len(inputs['gone']):,} gone",
        *_named("read again, as they have changed or had failed", inputs["read_again"]),
        *_named("gone; their rows stay", inputs["gone"]),
        *_named(
            "passed over, of no kind that can be read",
            [f"{count:,} {extension}" for extension, count in inputs["passed_over"].items()],
        ),
        f"Model: {made['model']} ({made['revision']}), {made['engine']}; options {made['config']}",
    ]
    if report["failed"]:
        lines += ["", f"Failures by reason (all of them in {FAILURES}):"]
        lines += [f"  {item['count']:>12,}  {item['stage']}: {item['reason']}" for item in report["failed_by_reason"]]
    return "\n".join(lines) + "\n"


def _named(what: str, names: list[str]) -> list[str]:
    more = [f"    … and {len(names) - _MOST_NAMES:,} more"] if len(names) > _MOST_NAMES else []
    return [f"  {what}:", *(f"    {name}" for name in names[:_MOST_NAMES]), *more] if names else []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

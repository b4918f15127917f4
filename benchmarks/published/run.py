"""Train on public data sets and stand the scores beside those published for BERT-base and ConfliBERT.

python benchmarks/published/run.py satp [--data DIR] [--runs DIR]     # or: make published-satp
python benchmarks/published/run.py --write                            # docs/benchmarks.md from all runs there are
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventroles.configs import load_config
from eventroles.training.numbers import write_json
from eventroles.training.train import train
from machine import describe_machine
from rich.console import Console

HERE = Path(__file__).parent
PAGE = Path("docs/benchmarks.md")


@dataclass(frozen=True)
class Benchmark:
    """One data set in one split, and what others have published for it.

    Attributes:
        title: what the table calls it.
        metric: what is compared.
        value: takes that metric, in percent, out of the scores of a run (`Scores.to_dict`).
        baseline: the same for TF-IDF with logistic regression.
        published: the published figures by model, in percent.
        note: what differs from how those were taken.
    """

    title: str
    metric: str
    value: Callable[[Mapping[str, Any]], Mapping[str, float]]
    baseline: Callable[[Mapping[str, Any]], Mapping[str, float]]
    published: Mapping[str, float]
    note: str


def _half(scores: Mapping[str, Any]) -> Mapping[str, float]:
    return dict(scores["example_f1_at_half"])


def _example(scores: Mapping[str, Any]) -> Mapping[str, float]:
    return dict(scores["example_f1"])


def _causal(scores: Mapping[str, Any]) -> Mapping[str, float]:
    return dict(scores["labels"]["causal"]["f1"])


_CONFLIBERT = {"BERT-base": 64.9, "ConfliBERT-SCR": 67.3}
BENCHMARKS = {
    "ipe": Benchmark(
        "IndiaPoliceEvents sentences, split of the ConfliBERT paper",
        "example-F1, threshold 0.5",
        _half,
        _half,
        _CONFLIBERT,
        "That split leaks: every test sentence's document is in train, and hundreds of test sentences stand in train "
        "word for word. The published figures are means of 10 seeds. The labels are noisy, so the weights are the mean "
        "of those after the last five epochs; the last epoch alone had 60.6.",
    ),
    "ipe-documents": Benchmark(
        "IndiaPoliceEvents sentences, split by document",
        "example-F1, threshold 0.5",
        _half,
        _half,
        {},
        "The same sentences and the same recipe, but no article is both in train and in test. Nobody has published a "
        "figure for it; the difference to the row above is what the leak is worth.",
    ),
    "satp": Benchmark(
        "SATP relevant",
        "example-F1, threshold 0.5",
        _half,
        _half,
        {"BERT-base": 88.4, "ConfliBERT-SCR": 89.1},
        "233 test reports. The published figures are means of 10 seeds.",
    ),
    "cnc": Benchmark(
        "Causal News Corpus V2, development split",
        "F1 of causal",
        _causal,
        _causal,
        {"BERT-base": 86.3},
        "The published figure is BERT-base-cased of the shared task's organisers. We do not choose the epoch on the "
        "development split, but on a tenth of train.",
    ),
}


def run(name: str, *, data: Path, runs: Path) -> None:
    """Train one benchmark, print its figure and keep its scores in ``runs/NAME/published.json``."""
    folder = runs / name
    config = load_config(HERE / f"{name}.yaml")
    overrides = [
        f"data.{part}={json.dumps([str(data / entry) for entry in getattr(config.data, part)])}"
        for part in ("train", "validation", "test")
        if getattr(config.data, part)
    ]
    # The model is only measured; tagging with it is for who trains one to keep.
    overrides += [f"output.folder={folder}", "output.overwrite=true"]
    overrides += ["export.fp32=false", "export.int8=false", "output.report=false"]
    result = train(load_config(HERE / f"{name}.yaml", overrides))
    if result is None:  # one of several processes, not the main one
        return
    found = {
        "model": result.model.to_dict(),
        "baseline": result.baseline.to_dict(),
        "seconds": round(result.seconds),
        "machine": vars(describe_machine()),
        "seed": config.training.seed,
    }
    write_json(found, folder / "published.json")
    Console().print(_line(name, found))


def _line(name: str, found: Mapping[str, Any]) -> str:
    benchmark = BENCHMARKS[name]
    ours, baseline = benchmark.value(found["model"]), benchmark.baseline(found["baseline"])
    others = ", ".join(f"{model} {score:.1f}" for model, score in benchmark.published.items()) or "nothing published"
    return (
        f"{benchmark.title}: {benchmark.metric} {100 * ours['value']:.1f} ({100 * ours['low']:.1f} to "
        f"{100 * ours['high']:.1f}); TF-IDF {100 * baseline['value']:.1f}; published: {others}"
    )


def write_page(runs: Path) -> list[str]:
    """Write ``docs/benchmarks.md`` from the runs that are there; return the names of those that are not."""
    found = {
        name: json.loads((runs / name / "published.json").read_text(encoding="utf-8"))
        for name in BENCHMARKS
        if (runs / name / "published.json").is_file()
    }
    rows = []
    for name, one in found.items():
        benchmark, published = BENCHMARKS[name], BENCHMARKS[name].published
        ours, baseline = benchmark.value(one["model"]), benchmark.baseline(one["baseline"])
        cells = [
            benchmark.title,
            benchmark.metric,
            f"**{100 * ours['value']:.1f}** ({100 * ours['low']:.1f}–{100 * ours['high']:.1f})",
            f"{100 * baseline['value']:.1f}",
            *(f"{published[model]:.1f}" if model in published else "–" for model in ("BERT-base", "ConfliBERT-SCR")),
            f"{one['model']['sentences']:,}",
            f"{one['seconds'] / 60:.0f} min",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    dates = sorted({one["machine"]["date"] for one in found.values()})
    machine = next(iter(found.values()))["machine"]
    text = (HERE / "page.md").read_text(encoding="utf-8")
    text = text.replace("{rows}", "\n".join(rows))
    text = text.replace(
        "{notes}", "\n".join(_bullet(f"**{BENCHMARKS[name].title}.** {BENCHMARKS[name].note}") for name in found)
    )
    text = text.replace("{machine}", f"{machine['processor']}, {machine['cores']} cores").replace(
        "{date}", " and ".join(dates)
    )
    PAGE.write_text(text, encoding="utf-8")
    return [name for name in BENCHMARKS if name not in found]


def _bullet(text: str) -> str:
    return textwrap.fill(text, width=120, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}")
    parser.add_argument("--data", type=Path, default=HERE / "data")
    parser.add_argument("--runs", type=Path, default=Path("runs/published"))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE} from all runs there are")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in arguments.names:
        run(name, data=arguments.data, runs=arguments.runs)
    if arguments.write:
        missing = write_page(arguments.runs)
        if missing:
            print(f"not in {PAGE}, because not run: {', '.join(missing)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The recipe of the shipped configs against others, on kinds of text that were not trained on.

    python benchmarks/recipe.py [NAME ...] [--runs DIR]     # train variants that have no result yet
    python benchmarks/recipe.py --write                     # the table of docs/recipe.md from all results

Whole files of the seed corpus are held out, each of them another kind of writing, so that a recipe that only learns the
manner of its files gains nothing. The five real articles and the codebook are never looked at here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eventroles.configs import data_files, load_config
from eventroles.inference.bundle import load_bundle
from eventroles.training.numbers import write_json
from eventroles.training.train import train
from machine import describe_machine
from rich.console import Console

PAGE = Path("docs/recipe.md")
HELD_OUT = ("archives", "dailies", "dispatches", "features", "voices", "wires")
FITTED_ON = ("briefs", "fronts", "margins", "sources")
"""Whole files for the decision rule, as the shipped configs have others, some of which are held out here."""
OLDEST_FILES = (
    *("africa-americas", "aftermath", "agency", "asia-europe", "chains", "civic", "everyday", "middle-east", "plain"),
    "security",
)
TWENTY_FILES_BEFORE = (
    *("banners", "columns", "counted", "didnot", "exchanges", "hurtlist", "lengths", "locals", "lookalike"),
    *("margin-calls", "mouthpiece", "plainer", "records", "ripostes", "running", "said", "shorts", "triggers"),
    *("verges", "warded"),
)
SIX_NEWEST_FILES = ("backdrop", "chambers", "newsdesk", "observers", "quoted", "wirelong")
_OLDEST, _OLDER, _OLD = "the ten oldest files", "all but the 26 newest files", "all but the six newest files"
_FILES: Mapping[str, Callable[[str], bool]] = {
    _OLDEST: lambda name: name in OLDEST_FILES,
    _OLDER: lambda name: name not in TWENTY_FILES_BEFORE + SIX_NEWEST_FILES,
    _OLD: lambda name: name not in SIX_NEWEST_FILES,
}
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "as shipped": (),
    "without the six newest files": (_OLD,),
    "without the 26 newest files": (_OLDER,),
    "the ten oldest files alone": (_OLDEST,),
    "without the six newest, 2 epochs": (_OLD, "training.epochs=2"),
    "without the six newest, one sentence of context": (_OLD, "model.context=1"),
    "without the 26 newest, 5 epochs": (_OLDER, "training.epochs=5"),
    "without the 26 newest, three teachers of other seeds": (_OLDER, "distillation.ensemble=3"),
    "2 epochs": ("training.epochs=2",),
    "5 epochs": ("training.epochs=5",),
    "learning rate 1e-4": ("training.learning_rate=1e-4", "training.head_learning_rate=1e-3"),
    "learning rate 3e-4": ("training.learning_rate=3e-4", "training.head_learning_rate=3e-3"),
    "batches of 32": ("training.batch_size=32",),
    "word embeddings trained too": ("model.freeze_embeddings=false",),
    "one sentence of context": ("model.context=1",),
    "another seed": ("training.seed=14",),
    "three teachers of other seeds": ("distillation.ensemble=3",),
}
"""What differs from ``configs/seeds.yaml``, by what the table calls it: settings, and which files are trained on."""
_BEGIN, _END = "<!-- table of benchmarks/recipe.py -->", "<!-- end of the table -->"


def run(name: str, *, runs: Path, settings: Sequence[str] = ()) -> None:
    """Train one variant and keep its scores on the held-out files in ``runs/NAME/recipe.json``; a result stays.

    Args:
        name: the variant.
        runs: where the models go.
        settings: more overrides of the config, the same for all variants.
    """
    folder = runs / name.replace(" ", "-")
    if (folder / "recipe.json").is_file():
        return
    corpus = data_files(["package:corpus"], key="data.train")
    held_out = [path for path in corpus if path.stem in HELD_OUT]
    parts = [path for path in corpus if path not in held_out]
    for one in VARIANTS[name]:
        if one in _FILES:
            parts = [path for path in parts if _FILES[one](path.stem)]
    config = load_config(
        "seeds",
        [
            *settings,
            *(one for one in VARIANTS[name] if one not in _FILES),
            f"data.train={json.dumps([str(path) for path in parts])}",
            f"data.validation={json.dumps([str(path) for path in parts if path.stem in FITTED_ON])}",
            f"data.test={json.dumps([str(path) for path in held_out])}",
            *("export.fp32=false", "export.int8=false", "output.report=false", "output.overwrite=true"),
            f"output.folder={folder}",
            "leakage=report",
        ],
    )
    result = train(config)
    if result is None:  # one of several processes, not the main one
        return
    found = {
        "model": result.model.to_dict(),
        "trained_on": load_bundle(folder).manifest.data["train"]["sentences"],
        "seconds": round(result.seconds),
        "machine": vars(describe_machine()),
    }
    write_json(found, folder / "recipe.json")
    Console().print(_row(name, found))


def _row(name: str, found: Mapping[str, Any]) -> str:
    scores = found["model"]
    cells = [
        name,
        f"{found['trained_on']:,}",
        f"**{scores['macro_f1']['value']:.3f}** ({scores['macro_f1']['low']:.2f}–{scores['macro_f1']['high']:.2f})",
    ]
    cells += [f"{one['f1']['value']:.3f}" for one in scores["labels"].values()]
    cells += [f"{scores['exact_match']['value']:.3f}", f"{found['seconds'] / 60:.0f} min"]
    return "| " + " | ".join(cells) + " |"


def write_table(runs: Path) -> list[str]:
    """Write the table into ``docs/recipe.md``; return the names of variants without a result."""
    found = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name in VARIANTS
        if (path := runs / name.replace(" ", "-") / "recipe.json").is_file()
    }
    first = next(iter(found.values()))
    labels = list(first["model"]["labels"])
    lines = [
        "| recipe | sentences trained on | macro F1 | "
        + " | ".join(f"`{label}`" for label in labels)
        + " | all right | training |",
        "| --- |" + " ---: |" * (len(labels) + 4),
        *(_row(name, one) for name, one in found.items()),
        "",
        f"{first['model']['sentences']:,} sentences of {first['model']['documents']} documents. Measured on "
        f"{first['machine']['processor']}, {first['machine']['cores']} cores, {first['machine']['date']}.",
    ]
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    PAGE.write_text(f"{before}{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}{after}", encoding="utf-8")
    return [name for name in VARIANTS if name not in found]


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(VARIANTS)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/recipe"))
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE}")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in VARIANTS]
    if unknown:
        parser.error(f"no variant {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    for name in arguments.names or ([] if arguments.write else list(VARIANTS)):
        run(name, runs=arguments.runs)
    if arguments.write:
        missing = write_table(arguments.runs)
        if missing:
            print(f"not in {PAGE}, because not run: {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

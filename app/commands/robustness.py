"""`eventroles robustness`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import notes, results
from .options import Labels

if TYPE_CHECKING:
    from ..training.robustness import Robustness
    from ..training.robustness.actorswaps import ActorSwaps, Example


def robustness_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder, or an id on the Hugging Face Hub.")],
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Labelled sentences: .jsonl, .csv, .parquet, or folders of them."),
    ],
    partners: Annotated[
        int, typer.Option(min=0, help="Other actors of its kind that each actor is replaced with.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of actors, of typos and intervals.")] = 0,
    examples: Annotated[int, typer.Option(min=0, help="Flipped sentences to show.")] = 10,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all numbers to this file.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx (the exported model, on the CPU) or torch.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Full precision: fp32 where the CPU would run int8.")] = False,
    text_column: Annotated[str | None, typer.Option(help="Column with the text [default: as in training].")] = None,
    roles_column: Annotated[str | None, typer.Option(help="Column with the labels [default: as in training].")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
    labels: Labels = None,
) -> None:
    """Count decisions that flip though they should not: with other actors in the sentence, or written another way.

    Rows with a column "rule", such as those of the codebook, are also tests of that rule.

    \b
    eventroles robustness runs/seeds my-sentences.jsonl
    eventroles robustness runs/seeds my-sentences.jsonl labels/codebook.jsonl --json robustness.json
    """
    from ..configs import data_files
    from ..inference.tagger import Tagger
    from ..labels import LabelSet
    from ..training.evaluate import read_labelled
    from ..training.numbers import write_json
    from ..training.robustness import measure_robustness

    warnings.filterwarnings("ignore", category=UserWarning)
    files = data_files(data, key="DATA")
    tagger = Tagger.from_pretrained(
        model,
        device=device,
        backend=backend,
        exact=exact,
        labels=LabelSet.load(labels) if labels else None,
        revision=revision,
    )
    records = read_labelled(tagger, files, text_column=text_column, roles_column=roles_column)
    console = notes()
    if console.is_terminal:
        with console.status("") as status:
            found = measure_robustness(tagger, records, seed=seed, partners=partners, progress=status.update)
    else:
        found = measure_robustness(tagger, records, seed=seed, partners=partners)
    if json is not None:  # before anything is printed: a closed pipe must not cost the numbers
        write_json(found.to_dict(), json)
    _print(found, examples=examples)


def _print(found: Robustness, *, examples: int) -> None:
    from ..training.report import pairs_table, robustness_by_role_table, robustness_table, rules_table

    out, console = results(), notes()
    out.print(robustness_table(found))
    out.print(robustness_by_role_table(found))
    if found.actors is None:
        console.print("note: no sentence names an actor of the lexicon: nothing to swap", soft_wrap=True)
    elif found.actors.pairs and examples:
        out.print(pairs_table(found.actors, rows=examples))
        for example in _largest(found.actors, examples):
            change = f"{example.role} {example.before:.2f} → {example.after:.2f}"
            out.print(f"{change}\n  {example.text}\n  {example.swapped}", soft_wrap=True)
    if found.rules:
        out.print(rules_table(found.rules))
    else:
        console.print('note: no row has a column "rule": no behavioural tests', soft_wrap=True)


def _largest(actors: ActorSwaps, count: int) -> list[Example]:
    found = [example for pair in actors.pairs for example in pair.examples]
    return sorted(found, key=lambda example: -abs(example.after - example.before))[:count]

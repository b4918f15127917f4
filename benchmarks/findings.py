"""What a run of the benchmark found, and the targets it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventroles.inference.manifest import Comparison
from invariance import Invariance
from machine import Machine
from peak import Share
from processes import ColdStart, Memory
from speeds import FAST, FOLDER, FOLDER_ENGINE, INT8, PIPELINE_1, PIPELINE_32, Speed

MEGABYTE = 1e6


@dataclass(frozen=True)
class Findings:
    """Everything a run found.

    Attributes:
        machine: what it ran on.
        rounds: of every race.
        mean: tokens of a sentence on average, special tokens included.
        deciles: of the lengths of the sentences, in tokens.
        speeds: of the engines and the folder, by name.
        layouts: of the int8 engine with other threads and batch sizes, tokens being ready.
        shares: of the machine's peak, by engine.
        cold_start: process start to first row.
        memory: of whole processes, on growing corpora.
        invariance: whether a sentence is scored the same alone and among others.
        contracts: what the int8 exports change, by model, where the model says so.
    """

    machine: Machine
    rounds: int
    mean: float
    deciles: Sequence[int]
    speeds: Mapping[str, Speed]
    layouts: Sequence[Speed]
    shares: Sequence[Share]
    cold_start: ColdStart
    memory: Sequence[Memory]
    invariance: Sequence[Invariance]
    contracts: Mapping[str, Comparison]


@dataclass(frozen=True)
class Target:
    """Something wanted, what was found, and whether that will do; ``met`` is None where it was not measured."""

    name: str
    wanted: str
    found: str
    met: bool | None


def judge(findings: Findings) -> list[Target]:
    """Hold a run against the targets."""
    cold, memory = findings.cold_start, findings.memory
    tags = [one for one in memory if one.name.startswith("eventroles")]
    growth = tags[-1].peak / tags[0].peak
    relative = cold.tag_median / cold.pipeline_median
    most = max(one.peak for one in tags) / MEGABYTE
    return [
        _ratio(findings, "int8 to the pipeline, batch 1", INT8, PIPELINE_1, at_least=14),
        _ratio(findings, "int8 to the pipeline, batch 32", INT8, PIPELINE_32, at_least=6),
        _ratio(findings, "student to int8", FAST, INT8, at_least=1.8),
        _ratio(findings, "student to the pipeline, batch 1", FAST, PIPELINE_1, at_least=25),
        _ratio(findings, "a folder to the engine alone", FOLDER, FOLDER_ENGINE, at_least=0.85),
        Target("cold start", "below 1.5 s", f"{cold.tag_median:.2f} s", cold.tag_median < 1.5),
        Target("cold start to the pipeline's", "below 0.25", f"{relative:.2f}", relative < 0.25),
        Target("peak memory", "below 500 MB", f"{most:.0f} MB", most < 500),
        Target("peak memory, 100 × the corpus to 1 ×", "at most 1.10", f"{growth:.2f}", growth <= 1.1),
    ]


def _ratio(findings: Findings, name: str, one: str, other: str, *, at_least: float) -> Target:
    wanted = f"at least {at_least:g} ×"
    if one not in findings.speeds or other not in findings.speeds:
        return Target(name, wanted, "–", None)
    found = findings.speeds[one].median / findings.speeds[other].median
    return Target(name, wanted, f"{found:.2f} ×", found >= at_least)

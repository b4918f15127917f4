"""What a benchmark ran on: processor, cores, instruction sets, versions."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from eventroles.inference.cores import usable_cores

_CPUINFO = Path("/proc/cpuinfo")
# Those that matrix products use, on x86-64 and on ARM.
_INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm")
_PACKAGES = ("eventroles", "torch", "onnxruntime", "transformers", "tokenizers", "numpy")


@dataclass(frozen=True)
class Machine:
    """What a benchmark ran on, and when.

    Attributes:
        processor: its name.
        cores: how many this process may use.
        instructions: instruction sets that matrix products use, as Linux names them.
        load: processes that wanted to run in the minute before the benchmark; it should be close to 0.
        system: operating system and architecture.
        versions: of Python and the packages that do the work, by name.
        date: day of the run, UTC.
    """

    processor: str
    cores: int
    instructions: tuple[str, ...]
    load: float
    system: str
    versions: dict[str, str]
    date: str


def describe_machine(cpuinfo: Path = _CPUINFO) -> Machine:
    """Return what this is."""
    fields = _fields(cpuinfo)
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return Machine(
        processor=fields.get("model name") or platform.processor() or "unknown processor",
        cores=usable_cores(),
        instructions=tuple(name for name in _INSTRUCTIONS if name in flags),
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.machine()}",
        versions={"Python": platform.python_version(), **versions},
        date=f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}",
    )


def _fields(cpuinfo: Path) -> dict[str, str]:
    """Return the fields of the first processor; none where the system has no such file."""
    if not cpuinfo.is_file():
        return {}
    first = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}

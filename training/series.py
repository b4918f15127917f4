"""Many trainings one after the other, whose results are kept as they come, so that an interrupted series goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configs.load import dump_config
from ..configs.schema import Config
from ..labels.errors import ConfigError, DataError
from .numbers import write_json

PLAN = "plan.json"
RUNS = "runs"
"""Folder in that of a series with the result of each training."""
_WORK = "work"


@dataclass(frozen=True)
class Step:
    """How far a series is: ``done`` trainings of ``total`` are finished, and ``name`` is the one that begins now."""

    done: int
    total: int
    name: str


OnStep = Callable[[Step], None]
"""Called before each training of a series that is not done yet."""


class Series:
    """The folder of a series of trainings: its plan, the result of each training, and a place for the one that runs.

    Args:
        folder: the folder; it is made if it is not there.
        plan: what all results depend on. Results of another plan are never mixed in.
        resume: go on with the results that are there.

    Raises:
        ConfigError: the folder holds other files; results, and ``resume`` is not given; or those of another plan.
        DataError: the folder cannot be written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = folder
        self._resume = resume
        _check_folder(folder, plan, resume=resume)
        write_json(plan, folder / PLAN)

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the result of a training, None if it is not finished."""
        return _read(self.folder / RUNS / f"{name}.json")

    def keep(self, name: str, result: Mapping[str, Any]) -> None:
        """Keep the result of a training, whole or not at all, and delete what it worked on."""
        write_json(result, self.folder / RUNS / f"{name}.json")
        shutil.rmtree(self.work(name), ignore_errors=True)
        with suppress(OSError):  # not there, or others work in it
            (self.folder / _WORK).rmdir()

    def work(self, name: str) -> Path:
        """Return an empty folder for a training to work in, or with ``resume`` what it has left there."""
        path = self.folder / _WORK / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def resume(self) -> bool:
        """Whether a training is to go on from what its interrupted forerunner left."""
        return self._resume


def describe_run(config: Config) -> dict[str, Any]:
    """Return what a config says of results: all of it but where they go."""
    plain = config.model_copy(update={"output": config.output.model_copy(update={"folder": None})})
    return {"config": dump_config(plain)}


def refuse_several_processes(what: str) -> None:
    """Refuse to train one model after the other in several processes (``torchrun``).

    Raises:
        ConfigError: this is one of several; ``what`` is what cannot run there.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(f"{what} runs in one process: start the command without torchrun")


def _check_folder(folder: Path, plan: Mapping[str, Any], *, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; choose another --output")
    earlier = _read(folder / PLAN)
    if earlier is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"{folder} holds other files; choose an empty or new folder as --output")
        return
    finished = any((folder / RUNS).glob("*.json"))
    changed = [key for key in {**earlier, **plan} if earlier.get(key) != json.loads(json.dumps(plan.get(key)))]
    if not finished:
        if changed or not resume:
            shutil.rmtree(folder / _WORK, ignore_errors=True)
        return
    if not resume:
        raise ConfigError(f"{folder} holds results already: go on with them (--resume), or choose another --output")
    if changed:
        raise ConfigError(
            f"--resume: the results in {folder} are of another {' and another '.join(changed)}; give the same, or "
            "choose another --output"
        )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON; delete it, and its training runs again") from error
    return found if isinstance(found, dict) else None

"""What the tests of the Hub share: the server, models on it, and commands run against it as users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub.server import Hub, serve

NAME = "my-team/conflict-roles"
TEXT = "Soldiers shelled the town. Two were killed. The minister said it was retaliated."


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An empty Hub."""
    with serve() as running:
        yield running


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@dataclass
class User:
    """Somebody with a machine of their own: a folder with a text, and an empty cache of the Hub in it."""

    home: Path
    endpoint: str
    token: str = ""
    offline: bool = False

    @property
    def cache(self) -> Path:
        """The cache of the Hub."""
        return self.home / "cache"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of this user's processes."""
        mine = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": str(int(self.offline)),
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_TOKEN": self.token,
            "OMP_NUM_THREADS": "1",
        }
        return os.environ | mine | more

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `eventroles` with some arguments, in the user's folder, which has a text in it."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "a.txt").write_text(TEXT, encoding="utf-8")
        return self._start("-m", "eventroles", *command, **more)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run Python code, in the user's folder."""
        self.home.mkdir(parents=True, exist_ok=True)
        return self._start("-c", code)

    def _start(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=180,
            cwd=self.home,
            env=self.environment(**more),
        )

    def tag(self, *more: str, model: str = NAME, **environment: str) -> subprocess.CompletedProcess[str]:
        """Tag the text with a model into ``tags.jsonl``."""
        return self.run("tag", "a.txt", "--model", model, "--output", "tags.jsonl", *more, **environment)

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the last run, without the model's name and revision."""
        lines = (self.home / "tags.jsonl").read_text(encoding="utf-8").splitlines()
        return [{k: v for k, v in json.loads(line).items() if k not in ("model", "revision")} for line in lines]

    def origins(self) -> set[tuple[str, str]]:
        """Return model and revision of the rows of the last run."""
        lines = (self.home / "tags.jsonl").read_text(encoding="utf-8").splitlines()
        return {(row["model"], row["revision"]) for row in map(json.loads, lines)}

    def fetched(self) -> set[str]:
        """Return the names of the files that are in the cache."""
        snapshots = (self.cache / "hub").glob("models--*/snapshots/*")
        return {path.relative_to(top).as_posix() for top in snapshots for path in top.rglob("*") if path.is_file()}


@pytest.fixture
def user(hub: Hub, tmp_path: Path) -> User:
    """Somebody without a token."""
    return User(tmp_path / "user", hub.endpoint)

"""Models from the Hugging Face Hub, through its real client and a server on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hub.server import COMMIT, serve

NAME = "my-team/conflict-roles"


def tag(
    tmp_path: Path, endpoint: str, *more: str, offline: bool = False, token: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `eventroles tag` in a process of its own, against an endpoint, with a cache below ``tmp_path``."""
    (tmp_path / "a.txt").write_text("Soldiers shelled the town. Two were killed.", encoding="utf-8")
    hub = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}
    environment = os.environ | hub | {"HF_HUB_OFFLINE": str(int(offline)), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "eventroles", "tag", "a.txt", "--model", NAME, "--output", "tags.jsonl", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)


def rows(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "tags.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_model_on_the_hub_tags_and_its_commit_is_in_every_row_then_also_offline(
    model_folder: Path, tmp_path: Path
) -> None:
    with serve(model_folder, name=NAME) as endpoint:
        done = tag(tmp_path, endpoint, "--revision", "main")
        assert done.returncode == 0, done.stderr
    first = rows(tmp_path)
    assert {(NAME, COMMIT)} == {(row["model"], row["revision"]) for row in first}
    done = tag(tmp_path, "http://127.0.0.1:9", offline=True)
    assert done.returncode == 0, done.stderr
    assert first == rows(tmp_path)


def test_only_what_loading_needs_is_fetched(model_folder: Path, tmp_path: Path) -> None:
    served = Path(shutil.copytree(model_folder, tmp_path / "served"))
    for name in ("training_args.bin", "modeling_evil.py", "optimizer.pt"):
        (served / name).write_bytes(b"x")
    with serve(served, name=NAME) as endpoint:
        done = tag(tmp_path, endpoint)
        assert done.returncode == 0, done.stderr
    fetched = {path.name for path in (tmp_path / "cache").rglob("snapshots/*/*")}
    assert {"config.json", "model.safetensors", "tokenizer.json", "eventroles.json"} <= fetched
    assert not fetched & {"training_args.bin", "modeling_evil.py", "optimizer.pt"}


def test_a_private_model_wants_a_token_and_takes_it(model_folder: Path, tmp_path: Path) -> None:
    with serve(model_folder, name=NAME, token="hf_secret") as endpoint:
        refused = tag(tmp_path, endpoint)
        assert refused.returncode == 1
        assert "has no such model, or it is private" in refused.stderr
        accepted = tag(tmp_path, endpoint, token="hf_secret")
        assert accepted.returncode == 0, accepted.stderr
    assert "hf_secret" not in accepted.stdout + accepted.stderr


def test_a_revision_that_is_not_there_is_named(model_folder: Path, tmp_path: Path) -> None:
    with serve(model_folder, name=NAME) as endpoint:
        done = tag(tmp_path, endpoint, "--revision", "v9")
    assert done.returncode == 1
    assert "has no revision 'v9'" in done.stderr


def test_a_hub_out_of_reach_is_said_in_one_line(tmp_path: Path) -> None:
    done = tag(tmp_path, "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "could not be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["tokenizer.json", "eventroles.json"])
def test_a_model_that_lacks_a_file_is_refused(model_folder: Path, tmp_path: Path, missing: str) -> None:
    served = Path(shutil.copytree(model_folder, tmp_path / "served"))
    (served / missing).unlink()
    with serve(served, name=NAME) as endpoint:
        done = tag(tmp_path, endpoint)
    assert done.returncode == 1
    assert missing in done.stderr

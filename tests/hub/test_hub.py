"""Models from the Hugging Face Hub, through its real client and a server on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import JSONResponse
from hub.conftest import NAME, User, contents
from hub.server import READ_TOKEN, TOKEN, Hub, Repository


@pytest.fixture
def repository(hub: Hub, exported_folder: Path) -> Repository:
    """The tiny model with its exports, on the Hub."""
    return hub.add(NAME, contents(exported_folder))


def test_rows_are_those_of_the_local_folder_and_name_the_commit_then_also_offline(
    repository: Repository, user: User, exported_folder: Path
) -> None:
    for backend in ("onnx", "torch"):
        assert user.tag("--backend", backend, model=str(exported_folder)).returncode == 0
        local = user.rows()
        done = user.tag("--backend", backend)
        assert done.returncode == 0, done.stderr
        assert local == user.rows()
        assert {(NAME, repository.refs["main"])} == user.origins()
        offline = replace(user, endpoint="http://127.0.0.1:9", offline=True)
        done = offline.tag("--backend", backend)
        assert done.returncode == 0, done.stderr
        assert local == user.rows()
        assert {(NAME, repository.refs["main"])} == user.origins()


def test_only_the_files_that_the_engine_needs_are_fetched(repository: Repository, user: User) -> None:
    assert user.tag("--backend", "onnx").returncode == 0
    assert {"eventroles.json", "config.json", "tokenizer.json", "onnx/model_int8.onnx"} <= user.fetched()
    assert not {"model.safetensors", "onnx/model.onnx"} & user.fetched()
    assert user.tag("--backend", "torch").returncode == 0
    assert "model.safetensors" in user.fetched()
    assert "onnx/model.onnx" not in user.fetched()


def test_what_no_model_needs_is_never_fetched(hub: Hub, user: User, exported_folder: Path) -> None:
    more = {"training_args.bin": b"x", "modeling_evil.py": b"x", "checkpoint-1/optimizer.pt": b"x", "data.csv": b"x"}
    hub.add(NAME, contents(exported_folder) | more)
    assert user.tag().returncode == 0
    assert not set(more) & user.fetched()
    assert not [one for one in hub.requests if any(name in one for name in more)]


def test_a_pinned_older_revision_is_what_runs(hub: Hub, user: User, repository: Repository) -> None:
    old = repository.refs["main"]
    files = dict(repository.commits[old].files)
    manifest = json.loads(files["eventroles.json"])
    manifest["decision"]["thresholds"] = [0.0] * 4
    for export in manifest["exports"].values():
        if export["decision"]:
            export["decision"]["thresholds"] = [0.0] * 4
    new = repository.commit(files | {"eventroles.json": json.dumps(manifest).encode()}, "all roles")
    repository.refs["v1"] = old
    assert user.tag().returncode == 0
    assert {(NAME, new)} == user.origins()
    assert all(len(row["roles"]) == 4 for row in user.rows())
    for revision in (old, "v1"):
        assert user.tag("--revision", revision).returncode == 0
        assert {(NAME, old)} == user.origins()
        assert not all(len(row["roles"]) == 4 for row in user.rows())
    offline = replace(user, offline=True)
    assert offline.tag("--revision", "v1").returncode == 0
    assert {(NAME, old)} == user.origins()


def test_a_model_in_a_folder_of_a_repository_is_found(hub: Hub, user: User, exported_folder: Path) -> None:
    from eventroles import Tagger

    hub.add(NAME, {f"roles/small/{name}": content for name, content in contents(exported_folder).items()})
    code = (
        "from eventroles import Tagger\n"
        f"tagger = Tagger.from_pretrained({NAME!r}, subfolder='roles/small')\n"
        "print([one.roles for one in tagger.tag('Soldiers shelled the town. Two were killed.')])"
    )
    found = user.python(code)
    assert found.returncode == 0, found.stderr
    local = Tagger.from_pretrained(exported_folder).tag("Soldiers shelled the town. Two were killed.")
    assert str([one.roles for one in local]) == found.stdout.strip()
    again = replace(user, offline=True).python(code)
    assert found.stdout == again.stdout, again.stderr


def test_python_takes_token_cache_and_local_files_only(hub: Hub, user: User, exported_folder: Path) -> None:
    hub.add(NAME, contents(exported_folder), private=True)
    arguments = f"{NAME!r}, cache_dir='mine', revision='main'"
    code = "from eventroles import Tagger\nprint(Tagger.from_pretrained({}).bundle.revision)"
    first = user.python(code.format(f"{arguments}, token={READ_TOKEN!r}"))
    assert first.returncode == 0, first.stderr
    assert hub.model(NAME).refs["main"] == first.stdout.strip()
    assert (user.home / "mine").is_dir()
    assert not user.fetched()
    asked = len(hub.requests)
    second = user.python(code.format(f"{arguments}, local_files_only=True"))
    assert first.stdout == second.stdout, second.stderr
    assert asked == len(hub.requests)


# Who may, and what goes wrong.


def test_a_private_model_wants_a_token_and_takes_it(hub: Hub, user: User, exported_folder: Path) -> None:
    hub.add(NAME, contents(exported_folder), private=True)
    refused = user.tag()
    assert refused.returncode == 1
    assert "has no such model, or it is private (log in: hf auth login, or set HF_TOKEN)" in refused.stderr
    assert not user.fetched()
    accepted = replace(user, token=READ_TOKEN).tag()
    assert accepted.returncode == 0, accepted.stderr
    assert READ_TOKEN in hub.tokens


@pytest.mark.parametrize("option", [(), ("--debug",)])
def test_a_token_is_in_no_output_and_no_file(
    hub: Hub, user: User, exported_folder: Path, option: tuple[str, ...]
) -> None:
    hub.add(NAME, contents(exported_folder), private=True)
    known = replace(user, token=READ_TOKEN)
    done = known.tag(*option)
    gone = known.tag("--revision", "v9", *option)
    assert (0, 1) == (done.returncode, gone.returncode)
    assert READ_TOKEN not in done.stdout + done.stderr + gone.stdout + gone.stderr
    written = b"".join(path.read_bytes() for path in user.home.rglob("*") if path.is_file())
    assert READ_TOKEN.encode() not in written


def test_a_gated_model_says_where_to_ask(hub: Hub, user: User, exported_folder: Path) -> None:
    hub.add(NAME, contents(exported_folder), gated=True)
    done = user.tag()
    assert done.returncode == 1
    assert f"{NAME} is gated: ask for access on its page, then log in (hf auth login)" in done.stderr


def test_a_revision_that_is_not_there_is_named(repository: Repository, user: User) -> None:
    done = user.tag("--revision", "v9")
    assert done.returncode == 1
    assert f"{NAME} has no revision 'v9'" in done.stderr


def test_a_hub_out_of_reach_is_said_in_one_line_and_the_cache_stands_in(repository: Repository, user: User) -> None:
    away = replace(user, endpoint="http://127.0.0.1:9")
    done = away.tag()
    assert done.returncode == 1
    assert "could not be reached" in done.stderr
    assert "nor does the cache hold the model" in done.stderr
    assert user.tag().returncode == 0
    rows = user.rows()
    done = away.tag()
    assert done.returncode == 0, done.stderr
    assert rows == user.rows()


def answer(status: int, **headers: str) -> JSONResponse:
    return JSONResponse({"error": "no"}, status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "has no such model, or it is private"),
        (403, "refuses (403): the token does not allow it"),
        (404, "has no such model"),
        (500, "the Hub answered 500"),
    ],
)
def test_an_answer_that_is_none_is_told_with_what_to_do_and_leaves_the_cache_whole(
    hub: Hub, user: User, repository: Repository, status: int, said: str
) -> None:
    code = {404: {"X_Error_Code": "RepoNotFound"}, 401: {"X_Error_Code": "RepoNotFound"}}.get(status, {})
    hub.fault = lambda request: answer(status, **code) if "/api/models" in request.url.path else None
    done = user.tag()
    assert done.returncode == 1
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    hub.fault = None
    assert user.tag().returncode == 0


def test_a_hub_that_is_busy_is_asked_again(hub: Hub, user: User, repository: Repository) -> None:
    busy = {"api": 2, "resolve": 2}

    def fault(request: Request) -> Any:
        kind = "api" if "/api/models" in request.url.path else "resolve"
        busy[kind] -= 1
        return answer(429, Retry_After="0") if busy[kind] >= 0 else None

    hub.fault = fault
    done = user.tag()
    assert done.returncode == 0, done.stderr
    assert busy["api"] < 0
    assert busy["resolve"] < 0


def test_a_hub_that_hangs_is_given_up_in_time(hub: Hub, user: User, repository: Repository) -> None:
    async def hang(_: Request) -> Any:
        await asyncio.sleep(30)
        return answer(500)

    hub.fault = hang
    done = user.tag(HF_HUB_ETAG_TIMEOUT="1", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert done.returncode == 1
    assert "the Hub gave no answer in time" in done.stderr


def test_a_download_that_breaks_off_goes_on_where_it_was(hub: Hub, user: User, repository: Repository) -> None:
    name = "model.safetensors"
    hub.break_at[name] = len(repository.commits[repository.refs["main"]].files[name]) // 2
    done = user.tag("--backend", "torch")
    assert done.returncode == 0, done.stderr
    assert 2 <= sum(one.startswith("GET") and one.endswith(name) for one in hub.requests)


def test_a_file_of_another_size_than_announced_is_refused(hub: Hub, user: User, repository: Repository) -> None:
    hub.announced["tokenizer.json"] = 12
    done = user.tag()
    assert done.returncode == 1
    assert "tokenizer.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tampered_file_on_the_hub_is_refused(hub: Hub, user: User, exported_folder: Path) -> None:
    files = contents(exported_folder)
    weights = bytearray(files["model.safetensors"])
    weights[-1] ^= 0x7F
    hub.add(NAME, files | {"model.safetensors": bytes(weights)})
    done = user.tag("--backend", "torch")
    assert done.returncode == 1
    assert "model.safetensors is not the file that was trained (SHA-256 differs)" in done.stderr


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors"])
def test_a_model_that_lacks_a_file_is_refused(hub: Hub, user: User, exported_folder: Path, missing: str) -> None:
    files = contents(exported_folder)
    del files[missing]
    hub.add(NAME, files)
    done = user.tag("--backend", "torch")
    assert done.returncode == 1
    assert missing in done.stderr


def test_a_repository_without_a_model_is_refused(hub: Hub, user: User) -> None:
    hub.add(NAME, {"README.md": b"# hello"})
    done = user.tag()
    assert done.returncode == 1
    assert "neither eventroles.json nor config.json among its files" in done.stderr


def test_a_full_disk_is_told_and_leaves_the_cache_whole(repository: Repository, user: User) -> None:
    """What the client's download raises on a full disk is raised in its place."""
    code = (
        "import errno\n"
        "from huggingface_hub import file_download\n"
        "def full(*_, **__): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "file_download.http_get = full\n"
        "from eventroles.cli import main\n"
        "import sys\n"
        f"sys.argv = ['eventroles', 'tag', 'a.txt', '--model', {NAME!r}, '--output', 'tags.jsonl']\n"
        "main()"
    )
    user.home.mkdir()
    (user.home / "a.txt").write_text("Soldiers shelled the town.", encoding="utf-8")
    done = user.python(code)
    assert done.returncode == 1
    assert "the disk is full; make room, or set HF_HOME to another place" in done.stderr
    assert not (user.home / "tags.jsonl").exists()
    assert user.tag().returncode == 0


def test_a_base_model_on_the_hub_can_be_fine_tuned(
    hub: Hub, user: User, base_folder: Path, settings: list[str]
) -> None:
    hub.add("my-team/base", contents(base_folder) | {"pytorch_model.bin": b"never"})
    sets = [one for one in settings if not one.startswith(("model.base", "training.epochs"))]
    options = [part for one in [*sets, "model.base=my-team/base", "training.epochs=1"] for part in ("--set", one)]
    done = user.run("train", "smoke", *options, "--output", "mine")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((user.home / "mine" / "eventroles.json").read_text(encoding="utf-8"))
    assert "my-team/base" == manifest["base_model"]["name"]
    assert hub.model("my-team/base").refs["main"] == manifest["base_model"]["revision"]
    assert "pytorch_model.bin" not in user.fetched()
    shutil.rmtree(user.home / "mine")


def test_a_token_may_not_stand_in_a_config(user: User) -> None:
    done = user.run("train", "smoke", "--set", f"trainer.hub_token={TOKEN}")
    assert done.returncode == 2
    assert "hub_token" in done.stderr
    assert TOKEN not in done.stderr + done.stdout

"""Sending models and the seed corpus to the Hub, and loading them from there, in other processes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from eventroles import Tagger
from eventroles.labels import ConfigError, ModelError
from hub.conftest import NAME, User, contents
from hub.server import READ_TOKEN, TOKEN, Hub


@pytest.fixture
def writer(user: User) -> User:
    """Somebody who may write."""
    return replace(user, token=TOKEN)


def test_a_model_is_trained_pushed_deleted_and_tags_from_the_hub_in_another_process_then_offline(
    hub: Hub, writer: User, settings: list[str], tmp_path: Path
) -> None:
    exports = ("export.fp32=true", "export.int8=true", "export.max_flips=0.9", "export.max_f1_loss=0.9")
    sets = [one for one in settings if not one.startswith("export.")]
    options = [part for one in (*sets, *exports) for part in ("--set", one)]
    done = writer.run("train", "smoke", *options, "--output", "mine")
    assert done.returncode == 0, done.stderr
    local = {}
    for backend in ("onnx", "torch"):
        assert writer.tag("--backend", backend, model="mine").returncode == 0
        local[backend] = writer.rows()
    done = writer.run("push", "mine", NAME)
    assert done.returncode == 0, done.stderr
    commit = hub.model(NAME).refs["main"]
    assert commit in done.stdout
    shutil.rmtree(writer.home)

    for backend in ("onnx", "torch"):
        other = User(tmp_path / backend, hub.endpoint)
        done = other.tag("--backend", backend)
        assert done.returncode == 0, done.stderr
        assert local[backend] == other.rows()
        assert {(NAME, commit)} == other.origins()
        done = replace(other, endpoint="http://127.0.0.1:9", offline=True).tag("--backend", backend)
        assert done.returncode == 0, done.stderr
        assert local[backend] == other.rows()


def test_what_the_manifest_names_goes_up_and_nothing_else(hub: Hub, writer: User, exported_folder: Path) -> None:
    folder = Path(shutil.copytree(exported_folder, writer.home / "model"))
    for name in ("checkpoints/checkpoint-1/optimizer.pt", "report/report.html", "training_args.bin", "data.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    done = writer.run("push", "model", NAME, "--message", "the first")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "eventroles.json").read_text(encoding="utf-8"))
    sent = hub.model(NAME).at("main")
    assert sent is not None
    assert {".gitattributes", "README.md", "eventroles.json", *manifest["files"]} == set(sent.files)
    assert "the first" == sent.message
    assert (folder / "model.safetensors").read_bytes() == sent.files["model.safetensors"]


def test_the_card_calls_the_model_by_its_name_on_the_hub(hub: Hub, writer: User, exported_folder: Path) -> None:
    assert writer.run("push", str(exported_folder), NAME).returncode == 0
    sent = hub.model(NAME).at("main")
    assert sent is not None
    card = sent.files["README.md"].decode()
    assert f'Tagger.from_pretrained("{NAME}")' in card
    assert f"--model {NAME} " in card
    assert str(exported_folder) not in card


def test_a_dry_run_lists_what_would_go_and_sends_nothing(hub: Hub, writer: User, exported_folder: Path) -> None:
    done = writer.run("push", str(exported_folder), NAME, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "onnx/model_int8.onnx" in done.stdout
    assert "nothing was sent" in done.stdout
    assert not hub.requests
    assert not hub.repositories


def test_a_private_repository_is_made_where_it_is_asked_for(hub: Hub, writer: User, exported_folder: Path) -> None:
    assert writer.run("push", str(exported_folder), NAME, "--private").returncode == 0
    assert hub.model(NAME).private
    assert User(writer.home, hub.endpoint).tag().returncode == 1
    assert User(writer.home, hub.endpoint, token=READ_TOKEN).tag().returncode == 0


def test_a_branch_is_made_and_main_stays_as_it_is(hub: Hub, writer: User, exported_folder: Path) -> None:
    assert writer.run("push", str(exported_folder), NAME).returncode == 0
    main = hub.model(NAME).refs["main"]
    done = writer.run("push", str(exported_folder), NAME, "--revision", "trial")
    assert done.returncode == 0, done.stderr
    assert main == hub.model(NAME).refs["main"]
    assert hub.model(NAME).refs["trial"] != main
    assert writer.tag("--revision", "trial").returncode == 0
    assert {(NAME, hub.model(NAME).refs["trial"])} == writer.origins()


def test_files_of_an_earlier_model_go_in_the_same_commit_and_those_of_others_stay(
    hub: Hub, writer: User, exported_folder: Path, model_folder: Path
) -> None:
    assert writer.run("push", str(exported_folder), NAME).returncode == 0
    repository = hub.model(NAME)
    repository.commit(repository.commits[repository.refs["main"]].files | {"picture.png": b"x", "results.json": b"{}"})
    commits = len(repository.commits)
    done = writer.run("push", str(model_folder), NAME)
    assert done.returncode == 0, done.stderr
    assert "removed, as this model has none: onnx/model.onnx" in done.stdout
    sent = repository.at("main")
    assert sent is not None
    assert not [name for name in sent.files if name.startswith("onnx/")]
    assert {"picture.png", "results.json"} <= set(sent.files)
    assert commits + 1 == len(repository.commits)
    assert writer.tag().returncode == 0


@pytest.mark.parametrize(
    ("token", "said"), [("", "the token is not valid"), (READ_TOKEN, "the token does not allow it")]
)
def test_who_may_not_write_is_told_and_nothing_is_made(
    hub: Hub, user: User, exported_folder: Path, token: str, said: str
) -> None:
    done = replace(user, token=token).run("push", str(exported_folder), NAME)
    assert done.returncode == 1
    assert said in done.stderr
    assert not hub.repositories
    assert not token or token not in done.stderr


def test_what_is_no_id_is_refused_before_anything_is_asked(hub: Hub, writer: User, exported_folder: Path) -> None:
    done = writer.run("push", str(exported_folder), "my team/roles!")
    assert done.returncode == 2
    assert "'my team/roles!' is no id of a repository" in done.stderr
    assert not hub.requests


def test_a_folder_with_changed_weights_is_not_sent(hub: Hub, writer: User, exported_folder: Path) -> None:
    folder = Path(shutil.copytree(exported_folder, writer.home / "model"))
    content = bytearray((folder / "onnx" / "model.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "onnx" / "model.onnx").write_bytes(content)
    done = writer.run("push", "model", NAME)
    assert done.returncode == 1
    assert "onnx/model.onnx is not the file that was trained" in done.stderr
    assert not hub.repositories


def test_a_tagger_pushes_itself(exported_folder: Path) -> None:
    tagger = Tagger.from_pretrained(exported_folder)
    pushed = tagger.push_to_hub(NAME, dry_run=True)
    assert NAME == pushed.repository
    assert (exported_folder / "model.safetensors").stat().st_size == pushed.files["model.safetensors"]
    assert pushed.commit is None
    with pytest.raises(ConfigError, match="is no id of a repository"):
        tagger.push_to_hub("no id", dry_run=True)


def test_a_model_of_others_is_left_to_transformers(plain_folder: Path) -> None:
    with pytest.warns(RuntimeWarning, match="nothing is calibrated"):
        tagger = Tagger.from_pretrained(plain_folder)
    with pytest.raises(ModelError, match="transformers sends it"):
        tagger.push_to_hub(NAME, dry_run=True)


def test_training_pushes_at_the_end_and_after_every_epoch_what_loads_and_nothing_else(
    hub: Hub, writer: User, settings: list[str]
) -> None:
    sets = [one for one in settings if not one.startswith("training.epochs")]
    # Teachers stay at home.
    more = (
        "training.epochs=2",
        "distillation.ensemble=1",
        f"hub.push_to={NAME}",
        "hub.every_epoch=true",
        "hub.private=true",
    )
    options = [part for one in (*sets, *more) for part in ("--set", one)]
    done = writer.run("train", "smoke", *options, "--output", "mine")
    assert done.returncode == 0, done.stderr
    assert "Pushed: " in done.stdout
    repository = hub.model(NAME)
    assert repository.private
    messages = [commit.message for commit in repository.commits.values()]
    assert ["first", "Training in progress, epoch 1", "Training in progress, epoch 2"] == messages[:3]
    assert 4 == len(messages)
    for commit in repository.commits.values():
        assert not [name for name in commit.files if name.endswith((".bin", ".pt", ".jsonl", ".html"))]
        assert not [name for name in commit.files if "checkpoint" in name or "trainer_state" in name]
    assert User(writer.home, hub.endpoint, token=READ_TOKEN).tag().returncode == 0
    assert TOKEN.encode() not in b"".join(contents(writer.home / "mine").values())


def test_a_training_that_may_not_push_ends_before_it_starts(hub: Hub, user: User, settings: list[str]) -> None:
    options = [part for one in (*settings, f"hub.push_to={NAME}") for part in ("--set", one)]
    done = replace(user, token=READ_TOKEN).run("train", "smoke", *options, "--output", "mine")
    assert done.returncode == 1
    assert "the token does not allow it" in done.stderr
    assert not (user.home / "mine").exists()


# The seed corpus.


def test_the_seed_corpus_is_a_data_set_that_datasets_loads_and_training_takes(
    hub: Hub, writer: User, settings: list[str]
) -> None:
    name = "my-team/conflict-seeds"
    done = writer.run("seeds", "push", name)
    assert done.returncode == 0, done.stderr
    sent = hub.repositories["datasets", name].at("main")
    assert sent is not None
    seeds = Path(str(resources.files("eventroles.seeds")))
    assert (seeds / "README.md").read_bytes() == sent.files["README.md"]
    code = (
        "import datasets\n"
        f"loaded = datasets.load_dataset({name!r}, split='train')\n"
        "print(len(loaded), loaded.column_names, loaded[0]['roles'])"
    )
    found = writer.python(code)
    assert found.returncode == 0, found.stderr
    rows = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (seeds / "corpus").glob("*.jsonl"))
    assert f"{rows} ['document', 'index', 'text', 'roles', 'unsure', 'genre', 'region'] ['attack']" in found.stdout

    small = "my-team/few"
    few = (seeds / "corpus" / "chains.jsonl").read_bytes()
    card = b"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: few.jsonl\n---\n"
    hub.add(small, {"README.md": card, "few.jsonl": few}, kind="datasets")
    sets = [one for one in settings if not one.startswith(("data.train", "training.epochs"))]
    sets += [f"data.hub_dataset={small}", "data.train=train", "training.epochs=1", "leakage=report"]
    done = writer.run("train", "smoke", *[part for one in sets for part in ("--set", one)], "--output", "mine")
    assert done.returncode == 0, done.stderr
    assert f"datasets:\n- {small}\n" in (writer.home / "mine" / "README.md").read_text(encoding="utf-8")


def test_a_dry_run_of_the_seed_corpus_sends_no_text_of_the_seed_documents(hub: Hub, writer: User) -> None:
    done = writer.run("seeds", "push", "my-team/conflict-seeds", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "annotations.jsonl" in done.stdout
    assert "documents/" not in done.stdout
    assert not hub.requests


def test_the_card_passes_the_checks_of_the_hub(hub: Hub, writer: User, exported_folder: Path) -> None:
    card = exported_folder / "README.md"
    seeds = Path(str(resources.files("eventroles.seeds"))) / "README.md"
    code = (
        "from huggingface_hub import DatasetCard, ModelCard\n"
        f"card = ModelCard.load({str(card)!r})\n"
        "card.validate()\n"
        f"DatasetCard.load({str(seeds)!r}).validate()\n"
        "print([(one.metric_name, one.metric_type) for one in card.data.eval_results][:2])"
    )
    done = writer.python(code)
    assert done.returncode == 0, done.stderr
    assert "[('macro F1', 'f1'), ('micro F1', 'f1')]" == done.stdout.strip()
    assert "POST /api/validate-yaml" in hub.requests


def test_a_card_that_the_hub_refuses_is_told(hub: Hub, writer: User, exported_folder: Path) -> None:
    folder = Path(shutil.copytree(exported_folder, writer.home / "model"))
    (folder / "README.md").write_text("---\ntags: one\n---\n# A card\n", encoding="utf-8")
    done = writer.run("push", "model", NAME)
    assert done.returncode == 1
    assert '"tags" must be a list' in done.stderr
    assert "Traceback" not in done.stderr

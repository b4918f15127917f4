"""Sending a model, or any set of files, to the Hugging Face Hub in one commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..labels.errors import ConfigError, ModelError
from .bundle import Bundle
from .hub import patiently, told
from .manifest import CARD, MANIFEST, parse_manifest
from .modelfiles import WEIGHTS, leaves

# How the card names the model that it is beside: this becomes the name on the Hub.
_NAMES = (re.compile(r'(from_pretrained\(")[^"\n]*(")'), re.compile(r"(--model )\S+()"))


@dataclass(frozen=True)
class Pushed:
    """What went to the Hub, or would go.

    Attributes:
        repository: its id, ``my-team/conflict-roles``.
        files: bytes of each file that was sent, by name.
        removed: files of an earlier model that were removed.
        commit: hash of the commit; None if nothing was sent.
        url: where to look at it; empty if nothing was sent.
    """

    repository: str
    files: Mapping[str, int]
    removed: tuple[str, ...] = ()
    commit: str | None = None
    url: str = ""


@dataclass(frozen=True)
class PushOptions:
    """How something is sent.

    Attributes:
        private: create the repository private; one that is there stays as it is.
        revision: the branch to commit to, created from main if it is not there; main by default.
        message: of the commit; by default what is sent.
        token: of the Hub, with the right to write; by default HF_TOKEN or that of ``hf auth login``.
        dry_run: only say what would go; the Hub is not asked.
    """

    private: bool = False
    revision: str | None = None
    message: str | None = None
    token: str | None = field(default=None, repr=False)
    dry_run: bool = False


def push_model(bundle: Bundle, repository: str, options: PushOptions | None = None) -> Pushed:
    """Send a model to the Hub: what its manifest names and nothing else, in one commit.

    Files of an earlier model that this one does not have are removed in the same commit, so that nobody loads half of
    each. In the card the model's name becomes that on the Hub.

    Args:
        bundle: the model.
        repository: the id, ``my-team/conflict-roles``; it is created if it is not there.
        options: how it is sent.

    Raises:
        ConfigError: ``repository`` is no id.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: the model is not one of ours, or its files were changed.
    """
    if bundle.plain:
        raise ModelError(
            f"{bundle.name} is no model of eventroles; transformers sends it: model.push_to_hub({repository!r})"
        )
    files: dict[str, Path | bytes] = {
        name: bundle.verified(name) if name.endswith(WEIGHTS) else bundle.files.fetch(name)
        for name in sorted({MANIFEST, CARD, *bundle.manifest.files})
        if bundle.files.offers(name)
    }
    if CARD in files:
        card = bundle.files.fetch(CARD).read_text(encoding="utf-8")
        files[CARD] = name_in_card(card, repository).encode()
    message = f"Add the {bundle.label_set.name} model"
    return push_files(files, repository, options or PushOptions(), kind="model", message=message)


def push_files(
    files: Mapping[str, Path | bytes],
    repository: str,
    options: PushOptions,
    *,
    kind: Literal["model", "dataset"],
    message: str,
) -> Pushed:
    """Send files to a repository of the Hub in one commit; create it if it is not there.

    Args:
        files: path or content of each file, by its name in the repository.
        repository: the id.
        options: how they are sent.
        kind: of the repository. Files that the ``eventroles.json`` of an earlier model names are removed where a model
            is sent that has none of that name.
        message: of the commit, where the options have none.

    Raises:
        ConfigError: ``repository`` is no id.
        HubError: the Hub refuses, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi

    _check_id(repository)
    sizes = {
        name: len(content) if isinstance(content, bytes) else content.stat().st_size for name, content in files.items()
    }
    if options.dry_run:
        return Pushed(repository, sizes)
    api = HfApi(token=options.token)
    with told(repository, options.revision):
        patiently(lambda: api.create_repo(repository, repo_type=kind, private=options.private, exist_ok=True))
        branch = options.revision
        if branch is not None:
            patiently(lambda: api.create_branch(repository, branch=branch, repo_type=kind, exist_ok=True))
        there = patiently(lambda: api.list_repo_files(repository, repo_type=kind, revision=branch))
        removed = []
        if MANIFEST in files and MANIFEST in there:
            earlier = Path(patiently(lambda: api.hf_hub_download(repository, MANIFEST, revision=branch)))
            removed = [name for name in _files_of(earlier) if name in there and name not in files]
        operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
            CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
            for name, content in files.items()
        ]
        operations += [CommitOperationDelete(name) for name in removed]
        done = patiently(
            lambda: api.create_commit(
                repository,
                operations,
                commit_message=options.message or message,
                repo_type=kind,
                revision=branch,
            )
        )
    return Pushed(repository, sizes, tuple(removed), done.oid, str(done.repo_url))


def prepare_repository(repository: str, *, private: bool) -> None:
    """Create a repository for a model if it is not there: who may not write learns it now.

    Raises:
        ConfigError: ``repository`` is no id.
        HubError: the Hub refuses, or cannot be reached.
    """
    from huggingface_hub import HfApi

    _check_id(repository)
    with told(repository):
        patiently(lambda: HfApi().create_repo(repository, private=private, exist_ok=True))


def _check_id(repository: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ConfigError(f"{repository!r} is no id of a repository, such as my-team/conflict-roles: {error}") from None


def name_in_card(card: str, repository: str) -> str:
    """Return a model card in which the model is called by its name on the Hub, where it is loaded."""
    for pattern in _NAMES:
        card = pattern.sub(lambda found: f"{found[1]}{repository}{found[2]}", card)
    return card


def _files_of(manifest: Path) -> list[str]:
    """Return the files that a manifest names; none where it is damaged, as they may be somebody else's then."""
    try:
        files = parse_manifest(manifest.read_bytes(), manifest).files
    except ModelError:
        return []
    return [name for name in files if not leaves(name)]

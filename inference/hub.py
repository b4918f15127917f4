"""Models from the Hugging Face Hub: fetched file by file into its cache, and every way in which that can fail."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..labels.errors import ConfigError, EventRolesError, HubError, ModelError
from .checks import check_weights
from .manifest import MANIFEST
from .modelfiles import LocalFiles, ModelFiles, check_size, checked_path, fetch_weights, leaves, read_json
from .remote import is_remote, place
from .remote_folders import fetch_folder

# What may be fetched from an address. Weights as safetensors only: a pickle could run code.
_PATTERNS = ("*.json", "*.safetensors", "onnx/*.onnx", "*.txt", "*.model", "training_config.yaml", "README.md")
# The client itself is patient with files; these are for its other calls.
_ATTEMPTS = 4
_LONGEST_WAIT = 60.0  # seconds
# What a model is known by: one of ours, one of others.
_FIRST = (MANIFEST, "config.json")
_WORTH_ANOTHER_TRY = (408, 429, 500, 502, 503, 504)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class HubAccess:
    """How a model is asked for.

    Attributes:
        revision: branch, tag or commit; by default the main branch.
        token: of the Hub; by default that of the environment variable HF_TOKEN or of ``hf auth login``.
        cache_dir: where downloads are kept; by default the cache of huggingface_hub, which HF_HOME names.
        local_files_only: only what is in the cache; the network is not used. HF_HUB_OFFLINE=1 does the same.
        subfolder: folder of the repository that holds the model.
    """

    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    subfolder: str | None = None


def fetch_model(name: str, access: HubAccess | None = None) -> ModelFiles:
    """Return the files of a model: of a local folder by path, or else of the Hub or an address, through a cache.

    Nothing but the list of files is asked of the Hub at first: each file comes when it is asked for.

    Args:
        name: a path such as ``runs/seeds``, a Hub id such as ``my-team/conflict-roles``, or an address such as
            ``s3://bucket/models/roles``.
        access: how it is asked for.

    Raises:
        ConfigError: the address has a protocol that cannot be used, or the name is none of a Hub model and
            ``access`` asks for what only the Hub has.
        HubError: the Hub or the store does not have it, refuses it, or cannot be reached. (The Hub's cache stands in
            for the Hub; what is kept of other stores does not, as it cannot be told whether it is still the same.)
        ModelError: ``name`` is a path, and there is no such folder; or what is at the address is no model folder.
    """
    access = access or HubAccess()
    if is_remote(name):
        hub_id = _hub_id(name)
        if hub_id is None:
            if access.revision is not None:
                raise ConfigError(f"{name}: --revision is for models on the Hub; name the address of what you want")
            return _in_subfolder(fetch_folder(name, _PATTERNS, into=_cache()), access.subfolder)
        name = hub_id
    path = Path(place(name)).expanduser()
    if path.is_dir():
        return _in_subfolder(path, access.subfolder)
    if path.exists():
        raise ModelError(f"{name}: a model is a folder, and this is a file")
    if name.count("/") > 1 or name.startswith((".", "~", "/")) or "\\" in name:
        raise ModelError(f"{name}: no such model folder (looked in {Path.cwd()})")
    return _find_on_hub(name, access)


def fetch_base(name: str, access: HubAccess) -> ModelFiles:
    """Return the files of a base model after all that fine-tuning needs is on this machine; see `fetch_model`.

    Raises:
        ConfigError: as `fetch_model`.
        HubError: as `fetch_model`, or the Hub does not give a file.
        ModelError: as `fetch_model`, its weights are no safetensors, or not of the size that its configuration says.
    """
    files = fetch_model(name, access)
    if isinstance(files, HubFiles):
        for one in files.files:
            if not leaves(one) and one.endswith((".json", ".txt", ".model")) and "/" not in one:
                files.fetch(one)
    check_weights(fetch_weights(files), read_json(files.fetch("config.json")))
    return files


@dataclass(frozen=True)
class HubFiles:
    """The files of a model on the Hub at one commit.

    Attributes:
        name: the Hub id.
        folder: the snapshot in the cache; files that were not asked for are not in it.
        revision: the commit.
        files: bytes of each file by name, as the Hub announces them, None where it does not; empty if only the cache
            is asked.
        access: how it was asked for.
    """

    name: str
    folder: Path
    revision: str | None
    files: Mapping[str, int | None]
    access: HubAccess

    def offers(self, name: str) -> bool:
        """Whether the repository has the file, or the cache where only that is asked."""
        return not leaves(name) and (name in self.files or (self.folder / name).is_file())

    def fetch(self, name: str) -> Path:
        """Return the path of a file in the cache, after downloading it if it is not there.

        Raises:
            HubError: the Hub refuses it or cannot be reached, or it was not whole.
            ModelError: the repository has no such file, or it may not be opened.
        """
        if not self.offers(name):
            where = "the repository has no such file" if self.files else "it is not in the cache, and this is offline"
            raise ModelError(f"{self.name}: {name} is missing: {where}")
        path = self.folder / name
        announced = self.files.get(name)
        if not path.is_file():
            check_size(name, announced or 0, where=self.name)
            _download(self.name, name, self.access, revision=self.revision)
        if announced is not None and path.stat().st_size != announced:
            raise HubError(
                f"{self.name}: {name} has {path.stat().st_size:,} bytes, but the Hub announces {announced:,}; delete "
                f"{path} and try again"
            )
        return checked_path(self.folder, name)


def _in_subfolder(folder: Path, subfolder: str | None) -> LocalFiles:
    if subfolder is None:
        return LocalFiles(folder)
    if not (folder / subfolder).resolve().is_relative_to(folder.resolve()) or not (folder / subfolder).is_dir():
        raise ModelError(f"{folder}: no folder {subfolder!r} in it")
    return LocalFiles(folder / subfolder)


def _find_on_hub(name: str, access: HubAccess) -> ModelFiles:
    """Return what the Hub has under a name, or the cache where the Hub may not or cannot be asked."""
    from huggingface_hub import HfApi, constants

    if access.local_files_only or constants.HF_HUB_OFFLINE:
        return _find_in_cache(name, access)
    try:
        with told(name, access.revision):
            info = patiently(
                lambda: HfApi(token=access.token).model_info(
                    name, revision=access.revision, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT
                )
            )
    except _Unreachable as error:
        try:
            return _find_in_cache(name, access)
        except HubError:
            raise HubError(
                f"no folder {name!r} in {Path.cwd()}, and the Hugging Face Hub could not be reached ({error}), nor "
                "does the cache hold the model"
            ) from error.__cause__
    top = f"{access.subfolder.strip('/')}/" if access.subfolder else ""
    listed = {one.rfilename: one.size for one in info.siblings or []}
    files = {path.removeprefix(top): size for path, size in listed.items() if path.startswith(top)}
    found = [one for one in _FIRST if one in files]
    if not found:
        where = f"folder {access.subfolder!r} of {name}" if top else name
        raise ModelError(f"{where}: no model: neither {' nor '.join(_FIRST)} among its files")
    check_size(found[0], files[found[0]] or 0, where=name)
    # By the name of the branch, which the cache remembers for when it stands in for the Hub.
    first = _download(name, found[0], access, revision=access.revision or "main")
    commit = first.parents[top.count("/")].name
    if commit != info.sha:  # somebody pushed between the two calls
        return _find_on_hub(name, access)
    return HubFiles(name, first.parent, commit, files, access)


def _find_in_cache(name: str, access: HubAccess) -> ModelFiles:
    from huggingface_hub import try_to_load_from_cache

    for one in _FIRST:
        inside = f"{access.subfolder.strip('/')}/{one}" if access.subfolder else one
        with told(name, access.revision):
            found = try_to_load_from_cache(name, inside, cache_dir=access.cache_dir, revision=access.revision)
        if isinstance(found, str):
            folder = Path(found).parent
            commit = Path(found).parents[inside.count("/")].name
            return HubFiles(name, folder, commit, {}, access)
    wanted = f" at revision {access.revision!r}" if access.revision else ""
    raise HubError(
        f"no folder {name!r} in {Path.cwd()}, and the Hugging Face Hub could not be reached (HF_HUB_OFFLINE or "
        f"local_files_only is set), nor does the cache hold the model{wanted}: load it once with a network"
    )


def _download(name: str, file: str, access: HubAccess, *, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download

    with told(name, access.revision, file=file):
        return Path(
            hf_hub_download(
                name,
                file,
                subfolder=access.subfolder,
                revision=revision,
                token=access.token,
                cache_dir=access.cache_dir,
            )
        )


class _Unreachable(HubError):  # noqa: N818  what happened, not who is to blame
    """The Hub gave no answer, or none that means anything: what is in the cache may stand in for it."""


@contextmanager
def told(name: str, revision: str | None = None, *, file: str | None = None) -> Iterator[None]:
    """Turn what the client of the Hub raises into one line that says what to do: a `HubError`, or a `ModelError`.

    Args:
        name: the repository.
        revision: what was asked for.
        file: the file that is fetched or sent.
    """
    from huggingface_hub import errors

    what = f"{name}: {file}" if file else name
    try:
        yield
    except EventRolesError:
        raise
    except errors.HFValidationError as error:
        raise ModelError(f"{name}: neither a model folder here nor a Hub id: {error}") from error
    except errors.GatedRepoError as error:
        raise HubError(f"{name} is gated: ask for access on its page, then log in (hf auth login)") from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{name} has no revision {revision!r}") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"no folder {name!r} in {Path.cwd()}, and the Hugging Face Hub has no such model, or it is private (log "
            "in: hf auth login, or set HF_TOKEN)"
        ) from error
    except Exception as error:  # the HTTP library below raises errors of its own, and changes with versions
        cause = _cause(error)
        status = _status(cause)
        if status in (401, 403):
            why = "the token is not valid" if status == 401 else "the token does not allow it"
            raise HubError(f"{what}: the Hub refuses ({status}): {why}; log in anew (hf auth login)") from error
        if isinstance(cause, errors.RemoteEntryNotFoundError):
            raise HubError(f"{what} is not in the repository") from error
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HubError(
                f"{what}: the disk is full; make room, or set HF_HOME to another place, and run the same command again"
            ) from error
        if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise HubError(f"{what}: the cache cannot be written ({cause}); set HF_HOME to another place") from error
        if isinstance(cause, ValueError):  # the Hub checks what is sent, the metadata of the card above all
            raise HubError(f"{what}: the Hub refuses it: {' '.join(str(cause).split())}") from error
        raise _Unreachable(f"{what}: {_reason(cause, status)}; try again later") from error


def patiently(call: Callable[[], _Answer]) -> _Answer:
    """Return what a call to the Hub returns, after up to three more tries if the Hub is busy or does not answer."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return call()
        except Exception as error:
            status = _status(error)
            if status not in _WORTH_ANOTHER_TRY and not _is_timeout(error):
                raise
            time.sleep(min(_LONGEST_WAIT, _retry_after(error) or 2.0 ** (attempt - 1)))
    return call()


def _cause(error: BaseException) -> BaseException:
    """Return the error below those that only say that a file is not there."""
    while type(error).__name__ == "LocalEntryNotFoundError" and error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after(error: BaseException) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", {})
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or "Timeout" in type(error).__name__


def _reason(error: BaseException, status: int | None) -> str:
    if status == 429:
        return "the Hub has too many requests from here (429)"
    if status is not None:
        return f"the Hub answered {status}"
    if _is_timeout(error):
        return "the Hub gave no answer in time"
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME, "eventroles", "models")


def _hub_id(address: str) -> str | None:
    """Return the id of a model on the Hub that is named by its address; the Hub has a cache of its own."""
    parts = address.removeprefix("hf://").strip("/").split("/")
    is_model = address.startswith("hf://") and len(parts) == 2 and parts[0] not in ("datasets", "spaces", "buckets")
    return "/".join(parts) if is_model and "@" not in address else None

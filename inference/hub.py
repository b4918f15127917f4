"""Fetching model folders, tagging models and base models alike: from the Hugging Face Hub, or from any address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..labels.errors import ConfigError, HubError, ModelError
from .remote import is_remote, place
from .remote_folders import fetch_folder

# What loading needs. Weights as safetensors only: a pickle could run code.
_PATTERNS = ("*.json", "*.safetensors", "onnx/*.onnx", "*.txt", "*.model", "training_config.yaml", "README.md")


@dataclass(frozen=True)
class Fetched:
    """A model folder on this machine: where it lies, and the Hub commit it is (None if it is from elsewhere)."""

    folder: Path
    revision: str | None


def fetch_model(name: str, *, revision: str | None = None) -> Fetched:
    """Return the folder of a model: a local one by path, or else one from the Hub or an address, through a cache.

    Args:
        name: a path such as ``runs/seeds``, a Hub id such as ``my-team/conflict-roles``, or an address such as
            ``s3://bucket/models/roles``.
        revision: branch, tag or commit of a Hub model.

    Raises:
        ConfigError: the address has a protocol that cannot be used.
        HubError: the Hub or the store does not have it, refuses it, or cannot be reached. (The Hub's cache stands in
            for the Hub; what is kept of other stores does not, as it cannot be told whether it is still the same.)
        ModelError: ``name`` is a path, and there is no such folder; or what is at the address is no model folder.
    """
    if is_remote(name):
        hub_id = _hub_id(name)
        if hub_id is None:
            if revision is not None:
                raise ConfigError(f"{name}: --revision is for models on the Hub; name the address of what you want")
            return Fetched(fetch_folder(name, _PATTERNS, into=_cache()), None)
        name = hub_id
    path = Path(place(name)).expanduser()
    if path.is_dir():
        return Fetched(path, None)
    if path.exists():
        raise ModelError(f"{name}: a model is a folder, and this is a file")
    if name.count("/") > 1 or name.startswith((".", "~", "/")) or "\\" in name:
        raise ModelError(f"{name}: no such model folder (looked in {Path.cwd()})")

    from huggingface_hub import errors, snapshot_download

    missing = f"no folder {name!r} in {Path.cwd()}, and the Hugging Face Hub"
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(_PATTERNS)))
    except errors.HFValidationError as error:
        raise ModelError(f"{name}: neither a model folder here nor a Hub id: {error}") from error
    except errors.GatedRepoError as error:
        raise HubError(f"{name} is gated: ask for access on its page, then log in (hf auth login)") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(f"{missing} has no such model, or it is private (log in: hf auth login)") from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{name} has no revision {revision!r}") from error
    except errors.LocalEntryNotFoundError as error:
        raise HubError(f"{missing} could not be reached, nor does the cache hold the model") from error
    except Exception as error:  # the HTTP library below raises errors of its own, and changes with versions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise HubError(f"{missing} answered with an error: {reason}") from error
    return Fetched(folder, folder.name)


def _cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME, "eventroles", "models")


def _hub_id(address: str) -> str | None:
    """Return the id of a model on the Hub that is named by its address; the Hub has a cache of its own."""
    parts = address.removeprefix("hf://").strip("/").split("/")
    is_model = address.startswith("hf://") and len(parts) == 2 and parts[0] not in ("datasets", "spaces", "buckets")
    return "/".join(parts) if is_model and "@" not in address else None

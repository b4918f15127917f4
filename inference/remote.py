"""Addresses that fsspec knows (``s3://``, ``gs://``, ``hf://``, ``https://``, ``memory://``): opening and fetching."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..labels.errors import ConfigError, DataError, EventRolesError

# Where an object is in place as a whole or not at all; elsewhere it is put under another name and moved.
_WHOLE_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "hf"}
_HTTP = ("http://", "https://")
_ANSWER_SECONDS = 60.0  # between two signs of life of a web server; a long download may take as long as it needs
_CONNECT_SECONDS = 30.0
_REASON_SHOWN = 300  # characters


def is_remote(name: str | Path) -> bool:
    """Whether a name is the address of something that is no file or folder of this machine."""
    return isinstance(name, str) and "://" in name and not name.startswith(("file://", "local://"))


def is_of_this_process(address: str) -> bool:
    """Whether what is at an address cannot be seen by other processes."""
    return address.startswith("memory://")


def place(name: str | Path) -> Path | str:
    """Return a name as a path, ``file://`` addresses too; the address of something elsewhere as it is."""
    if is_remote(name):
        return str(name)
    if isinstance(name, str) and "://" in name:
        from fsspec.core import url_to_fs

        return Path(url_to_fs(name)[1])
    return Path(name)


def open_filesystem(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path of the address in it.

    Raises:
        ConfigError: the protocol is unknown, or its library is not installed.
    """
    from fsspec.core import url_to_fs

    if "::" in address:
        raise ConfigError(f"{address}: one address in another (::) is not read; name the file itself, archives as well")
    options: dict[str, Any] = {}
    try:
        if address.startswith(_HTTP):
            options["client_kwargs"] = _web_client()
        filesystem, path = url_to_fs(address, **options)
    except ImportError as error:
        raise ConfigError(f"{address}: {_in_one_line(error)}. Run: pip install 'eventroles[remote]'") from error
    except Exception as error:  # a store can want its credentials here
        raise ConfigError(
            f"{address}: {reason_of(error)}; addresses begin with s3://, gs://, hf://, https:// or the like, and "
            "stores that are not public need your login"
        ) from error
    return filesystem, str(path).rstrip("/")


def check_output(output: str | Path) -> None:
    """Refuse an output at an address that cannot be written to.

    Raises:
        ConfigError: it is a web address, or its protocol cannot be used.
    """
    if not is_remote(output):
        return
    address = str(output)
    if address.startswith(_HTTP):
        raise ConfigError(f"the output {address} is a web address, which can only be read; name a path, s3:// or gs://")
    open_filesystem(address)


def fetch(address: str, path: Path, *, progress: Callable[[int], None] | None = None) -> None:
    """Copy a remote file to this machine.

    Args:
        address: where it is.
        path: where to put it.
        progress: called with the bytes so far, often; an error that it raises ends the copying.

    Raises:
        ConfigError: see `open_filesystem`.
        DataError: the file is not there, or does not come through.
    """
    from fsspec.callbacks import Callback

    class Watched(Callback):  # type: ignore[misc]  # fsspec has no types
        def call(self, hook_name: str | None = None, **kwargs: object) -> None:  # noqa: ARG002  as it is called
            if progress is not None:
                progress(self.value)

    filesystem, inside = open_filesystem(address)
    try:
        filesystem.get_file(inside, str(path), callback=Watched())
        if not path.is_file():
            raise IsADirectoryError("it is a folder")
    except (EventRolesError, MemoryError):
        path.unlink(missing_ok=True)
        raise
    except Exception as error:  # of the network, in the words of whichever library
        path.unlink(missing_ok=True)
        raise DataError(
            f"cannot be fetched ({reason_of(error)}); check the address and your rights, and try again"
        ) from error


def put(filesystem: Any, path: Path, target: str) -> None:
    """Copy a file of this machine to a remote place, where it is whole or not there at all.

    Raises:
        Exception: what the store's library raises.
    """
    protocols = {filesystem.protocol} if isinstance(filesystem.protocol, str) else set(filesystem.protocol)
    if protocols & _WHOLE_OBJECTS:
        filesystem.put_file(str(path), target)
        return
    folder, name = posixpath.split(target)
    unfinished = f"{folder}/.{name}.partial"
    filesystem.makedirs(folder, exist_ok=True)
    filesystem.put_file(str(path), unfinished)
    filesystem.mv(unfinished, target)


def put_at(address: str, path: Path) -> None:
    """Copy a file of this machine to an address; see `put`.

    Raises:
        DataError: the store refuses it.
    """
    filesystem, target = open_filesystem(address)
    with told(address):
        put(filesystem, path, target)


@contextmanager
def told(address: str) -> Iterator[None]:
    """Turn what a store says into one line for the user, a `DataError`."""
    try:
        yield
    except EventRolesError:
        raise
    except Exception as error:  # every store has errors of its own
        raise DataError(
            f"{address}: {reason_of(error)}; check the address and your rights there, and run the same command again"
        ) from error


def name_of(address: str) -> str:
    """Return what a remote file is called: the last part of its address, of web addresses without the query."""
    return PurePosixPath(readable(address)).name


def readable(address: str) -> str:
    """Return an address for people to read: web addresses without login, query and escapes."""
    if not address.startswith(_HTTP):
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def is_missing(error: Exception) -> bool:
    """Whether a store says that something is not there, rather than that it cannot tell."""
    status = _status(error)
    if status is not None:
        return status in (404, 410)
    return isinstance(error, FileNotFoundError) and not _network_error(error)


def reason_of(error: Exception) -> str:
    """Return what a store's library raised in one line."""
    status = _status(error)
    if status is not None and not is_missing(error):
        return f"the server answered {status}"
    if is_missing(error):
        return "not found"
    cause = _network_error(error) or error
    if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
        return "no answer in time"
    return f"{type(cause).__name__}: {_in_one_line(cause)}"[:_REASON_SHOWN]


def _web_client() -> dict[str, Any]:
    """Return how web servers are asked."""
    from aiohttp import ClientTimeout

    return {
        # By default a download may take five minutes in all.
        "timeout": ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS),
        "headers": {"Accept-Encoding": "identity"},
        "auto_decompress": False,  # a .gz is read as one; else its bytes would not be those that it is called after
        "trust_env": True,  # proxies
    }


def _status(error: BaseException) -> int | None:
    """Return the status of a web server's answer, which fsspec may hide behind a `FileNotFoundError`."""
    for each in (error, error.__cause__):
        answer = getattr(each, "response", None)  # as the Hub's library keeps it
        for status in (getattr(each, "status", None), getattr(answer, "status_code", None)):
            if isinstance(status, int):
                return status
    return None


def _network_error(error: Exception) -> Exception | None:
    """Return the error of the network that fsspec tells as a `FileNotFoundError`."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and _status(cause) is None:
        return None if isinstance(cause, FileNotFoundError | KeyError) else cause
    return None


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

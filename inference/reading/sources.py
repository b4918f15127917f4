"""Finding the files below a user's inputs."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath

from ...labels.errors import ConfigError, DataError
from ..documents import Failure, Found, Source
from ..remote import is_remote, place, readable
from .door import explain
from .formats import EXTENSIONS, NAMED_EXTENSIONS, extension
from .remote_sources import RemoteFile, folder_of, is_there, list_files


def find_sources(inputs: Sequence[str | Path], *, glob: str | None = None, exclude: str | Path | None = None) -> Found:
    """Find the files to read among files and folders, sorted by id; a file reached twice is taken once.

    Ids are paths below the inputs' common folder, or below the address if that is the only input; of several inputs,
    files at an address are called by their whole address.

    Args:
        inputs: files, taken whatever they are called, and folders, searched to the bottom without hidden entries;
            paths, and addresses, in which ``*`` stands for any name.
        glob: keep only the files below folders whose name matches; whose path below the folder matches, if the
            pattern has a slash (``**`` stands for any folders).
        exclude: the output of the run, file or folder, which is never an input.

    Raises:
        ConfigError: an input does not exist (all such are named), or is the output.
        DataError: there is no supported file; a store does not answer.
    """
    places = check_inputs([inputs] if isinstance(inputs, str) else inputs)
    paths = [each for each in places if isinstance(each, Path)]
    home = _common_folder(paths) if paths else None
    output = None if exclude is None or is_remote(exclude) else os.path.realpath(place(exclude))
    # Every file by its real path, with the best way that leads to it: as text, which takes a third of what a Path does.
    files: dict[str, str] = {}
    failures: list[Failure] = []
    others: Counter[str] = Counter()
    for path in paths:
        if not _is_folder(path):
            real = os.path.realpath(path)
            if real == output:
                raise ConfigError(f"{path} is an input and the output at once; name another output")
            _keep_best(files, real, path)
            continue
        for entry, problem in _walk(path, output):
            if not _matches(entry, path, glob):
                continue
            supported = entry.suffix.lower() in EXTENSIONS
            if problem:
                # A link that leads nowhere matters only if it would be read; a closed door may hide anything.
                if supported or not isinstance(problem, FileNotFoundError):
                    reason = problem if isinstance(problem, str) else f"cannot be opened: {explain(problem)}"
                    name = _id(entry, home)
                    failures.append(Failure(name, reason, stage="find", source=name))
            elif not supported:
                others[entry.suffix.lower() or "no extension"] += 1
            elif (real := os.path.realpath(entry)) != output:
                _keep_best(files, real, entry)
    addresses = [each for each in places if isinstance(each, str)]
    remote = _find_remote(addresses, glob, exclude, others, is_alone=len(places) == 1)
    if not files and not failures and not remote:
        raise DataError(_nothing_found(places, glob, others))
    # Part by part, as "\0" comes before all else: a folder comes before "folder.txt".
    ways: list[str | Source] = [*files.values(), *remote]
    best = sorted(
        ways,
        key=lambda way: (way.id if isinstance(way, Source) else _id(Path(way), home)).replace("/", "\0"),
    )
    sources = (way if isinstance(way, Source) else Source(Path(way), _id(Path(way), home)) for way in best)
    return Found(
        sources, tuple(sorted(failures, key=lambda failure: _order(failure.document))), dict(sorted(others.items()))
    )


def signature(source: Source) -> tuple[int, int]:
    """Return size in bytes and time of the last change in nanoseconds, by which a change is seen; 0 if it is gone."""
    if source.url:
        return source.size, source.modified_ns
    try:
        status = source.path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def check_inputs(inputs: Sequence[str | Path]) -> list[Path | str]:
    """Return the inputs as paths and addresses, if they are all there.

    Raises:
        ConfigError: no input, or inputs that do not exist: all of them.
        DataError: a store does not answer.
    """
    if not inputs:
        raise ConfigError("no input; name at least one file or folder")
    missing = []
    elsewhere = []
    # Path("") is the current folder, which "" must not become.
    places = [place(each) if str(each) else each for each in inputs]
    for path in places:
        if is_remote(path):
            if not is_there(str(path)):
                elsewhere.append(readable(str(path)))
            continue
        try:
            # Path("") is the current folder: an unset variable must not read that.
            if str(path) == "":
                raise FileNotFoundError
            Path(path).stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            missing.append(repr(str(path)))
        except OSError:
            pass  # it is there; reading it will say what is wrong
    if missing or elsewhere:
        verb = "does" if len(missing + elsewhere) == 1 else "do"
        looked = f" (looked in {Path.cwd()})" if missing else ""
        check = "check the spelling and your rights" if elsewhere else "check the spelling"
        raise ConfigError(f"{', '.join(missing + elsewhere)} {verb} not exist{looked}; {check}")
    return places


def _find_remote(
    addresses: Sequence[str], glob: str | None, exclude: str | Path | None, others: Counter[str], *, is_alone: bool
) -> list[Source]:
    """Return the files at addresses; count in ``others`` the extensions of those that are of no kind we read."""
    output = folder_of(str(exclude)) if exclude is not None and is_remote(exclude) else None
    found: dict[str, RemoteFile] = {}
    for address in addresses:
        for file in list_files(address):
            if output is not None and f"{file.url}/".startswith(output):
                if file.is_named:
                    raise ConfigError(f"{address} is an input and the output at once; name another output")
                continue
            if not file.is_named:
                parts = PurePosixPath(file.path).parts
                if not _matches_parts(parts, glob):
                    continue
                if (ending := extension(parts[-1])) not in EXTENSIONS:
                    others[ending or "no extension"] += 1
                    continue
            found.setdefault(file.url, file)
    names = {url: file.path if is_alone else readable(url) for url, file in found.items()}
    # Pages that differ in their query alone are called by all of it.
    often = Counter(names.values())
    return [file.source(names[url] if often[names[url]] == 1 else url) for url, file in found.items()]


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir raises where a folder above may not be entered


def _common_folder(paths: Sequence[Path]) -> str | None:
    """Return the folder that ids are relative to; None if the inputs have none in common (drives of Windows)."""
    # abspath, not resolve: a link to a corpus keeps the names that the user sees.
    folders = [os.path.abspath(path if _is_folder(path) else path.parent) for path in paths]  # noqa: PTH100
    try:
        return os.path.commonpath(folders)
    except ValueError:
        return None


def _id(path: Path, home: str | None) -> str:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100
    # The input folder itself, when it cannot be opened, has no path below it.
    found = path if home is None or str(absolute) == home else absolute.relative_to(home)
    # A name can hold bytes that are no UTF-8, which no output could hold.
    return found.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _keep_best(files: dict[str, str], real: str, way: Path) -> None:
    """Note a way to a file; of several the one that is no link gives the id."""

    def rank(path: str) -> tuple[bool, tuple[str, ...]]:
        return os.path.abspath(path) != real, _order(path)  # noqa: PTH100

    found = str(way)
    if real not in files or rank(found) < rank(files[real]):
        files[real] = found


def _order(path: str | PurePath) -> tuple[str, ...]:
    return PurePath(path).parts


def _walk(folder: Path, exclude: str | None) -> Iterator[tuple[Path, OSError | str | None]]:
    """Yield the regular files below a folder, and with an error or a reason what cannot be read as one."""
    folders = [folder]
    links: list[Path] = []
    seen: set[str] = set()
    while folders or links:
        # Links to folders come last: a folder is read under its own name, and only once, so that loops end.
        here = folders.pop() if folders else links.pop(0)
        real = os.path.realpath(here)
        if real in seen or real == exclude:
            if _is_above(real, here):
                yield here, "a link to a folder that it lies in; not followed"
            continue
        seen.add(real)
        try:
            with os.scandir(here) as scan:
                shown = (entry for entry in scan if not entry.name.startswith("."))
                entries = sorted(shown, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            yield here, error
            continue
        while entries:
            entry = entries.pop()  # out of the list: it keeps all that is asked of it, and a folder can hold a million
            try:
                mode = entry.stat().st_mode
                if stat.S_ISDIR(mode):
                    (links if entry.is_symlink() else folders).append(here / entry.name)
                elif stat.S_ISREG(mode):
                    yield here / entry.name, None
                elif Path(entry.name).suffix.lower() in EXTENSIONS:
                    # A named pipe would wait forever for a writer.
                    yield here / entry.name, "not a regular file; copy what it holds into a file, or leave it out"
            except OSError as error:
                yield here / entry.name, error


def _is_above(real: str, link: Path) -> bool:
    """Whether a link to a folder lies below that folder."""
    return link.is_symlink() and f"{os.path.realpath(link.parent)}/".startswith(f"{real}/")


def _matches(path: Path, folder: Path, glob: str | None) -> bool:
    return glob is None or _matches_parts(path.relative_to(folder).parts, glob)


def _matches_parts(parts: tuple[str, ...], glob: str | None) -> bool:
    if glob is None:
        return True
    if "/" not in glob:
        return fnmatchcase(parts[-1], glob)
    return _match_parts(parts, PurePosixPath(glob).parts)


def _match_parts(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return _match_parts(parts, patterns[1:]) or (bool(parts) and _match_parts(parts[1:], patterns))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _match_parts(parts[1:], patterns[1:])


def _nothing_found(paths: Sequence[str | Path], glob: str | None, others: Collection[str]) -> str:
    message = f"found no {NAMED_EXTENSIONS} file in {', '.join(map(str, paths))}"
    if glob is not None:
        return f"{message} that matches {glob!r}; give another --glob, or none for every supported file"
    if others:
        message += f", only {', '.join(sorted(others))}"
    return f"{message}; convert the texts to one of these formats, or name another folder"

"""Finding the files below a user's inputs, and reading each with the reader of its format."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath

from ..labels.errors import ConfigError, DataError
from .documents import Document, Failure, Found, ReadOptions, Source
from .readers import tables, text

_READERS = {
    ".txt": text.read_text,
    ".md": text.read_text,
    ".jsonl": tables.read_jsonl,
    ".csv": tables.read_csv,
    ".parquet": tables.read_parquet,
}
EXTENSIONS = tuple(_READERS)
_NAMED_EXTENSIONS = f"{', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}"


def find_sources(inputs: Sequence[str | Path], *, glob: str | None = None, exclude: Path | None = None) -> Found:
    """Find the files to read among files and folders, sorted by id; a file reached twice is taken once.

    Args:
        inputs: files, taken whatever they are called, and folders, searched to the bottom without hidden entries.
        glob: keep only the files below folders whose name matches; whose path below the folder matches, if the
            pattern has a slash (``**`` stands for any folders).
        exclude: the output of the run, which is never an input.

    Raises:
        ConfigError: an input does not exist (all such are named), or is the output.
        DataError: there is no supported file.
    """
    paths = check_inputs([inputs] if isinstance(inputs, str) else inputs)
    home = _common_folder(paths)
    output = None if exclude is None else os.path.realpath(exclude)
    # Every file by its real path, with the best way that leads to it: as text, which takes a third of what a Path does.
    files: dict[str, str] = {}
    failures: list[Failure] = []
    others: set[str] = set()
    for path in paths:
        if not _is_folder(path):
            real = os.path.realpath(path)
            if real == output:
                raise ConfigError(f"{path} is an input and the output at once; name another output")
            _keep_best(files, real, path)
            continue
        for entry, error in _walk(path):
            supported = _matches(entry, path, glob) and entry.suffix.lower() in EXTENSIONS
            if error is not None:
                # A link that leads nowhere matters only if it would be read; a closed door may hide anything.
                if supported or isinstance(error, PermissionError) or _is_folder(entry):
                    failures.append(Failure(_id(entry, home), f"cannot be opened: {_explain(error)}"))
            elif not supported:
                others.add(entry.suffix.lower() or "no extension")
            elif (real := os.path.realpath(entry)) != output:
                _keep_best(files, real, entry)
    if not files and not failures:
        raise DataError(_nothing_found(paths, glob, others))
    # Part by part, as "\0" comes before all else: a folder comes before "folder.txt".
    best = sorted(files.values(), key=lambda way: _id(Path(way), home).replace("/", "\0"))
    sources = (Source(path, _id(path, home)) for path in map(Path, best))
    return Found(sources, tuple(sorted(failures, key=lambda failure: _order(failure.document))))


def read_source(source: Source, *, options: ReadOptions) -> Iterator[Document | Failure]:
    """Read the documents of one file: one for a text, one a row for a table; a bad row is a `Failure`.

    Raises:
        DataError: the file as a whole cannot be read; rows before the damage may have been given out.
        EventRolesError: the format needs a library that is not installed.
    """
    try:
        if not stat.S_ISREG(source.path.stat().st_mode):
            raise DataError("not a regular file; copy what it holds into a file and name that")
        reader = _READERS.get(source.path.suffix.lower())
        if reader is None:
            found = source.path.suffix or "no extension"
            raise DataError(f"cannot read this kind of file ({found}); convert it to {_NAMED_EXTENSIONS}")
        yield from reader(source, options)
    except OSError as error:
        raise DataError(f"{source.path}: cannot be read: {_explain(error)}") from error
    except DataError as error:
        raise DataError(f"{source.path}: {error}") from error


def check_inputs(inputs: Sequence[str | Path]) -> list[Path]:
    """Return the inputs as paths, if they are all there.

    Raises:
        ConfigError: no input, or inputs that do not exist: all of them.
    """
    if not inputs:
        raise ConfigError("no input; name at least one file or folder")
    missing = []
    for path in inputs:
        try:
            # Path("") is the current folder: an unset variable must not read that.
            if str(path) == "":
                raise FileNotFoundError
            Path(path).stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            missing.append(repr(str(path)))
        except OSError:
            pass  # it is there; reading it will say what is wrong
    if missing:
        verb = "does" if len(missing) == 1 else "do"
        raise ConfigError(f"{', '.join(missing)} {verb} not exist (looked in {Path.cwd()}); check the spelling")
    return [Path(path) for path in inputs]


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
    if home is None or str(absolute) == home:  # the input folder itself, when it cannot be opened
        return path.as_posix()
    return absolute.relative_to(home).as_posix()


def _keep_best(files: dict[str, str], real: str, way: Path) -> None:
    """Note a way to a file; of several the one that is no link gives the id."""

    def rank(path: str) -> tuple[bool, tuple[str, ...]]:
        return os.path.abspath(path) != real, _order(path)  # noqa: PTH100

    found = str(way)
    if real not in files or rank(found) < rank(files[real]):
        files[real] = found


def _order(path: str | PurePath) -> tuple[str, ...]:
    return PurePath(path).parts


def _walk(folder: Path) -> Iterator[tuple[Path, OSError | None]]:
    """Yield the regular files below a folder, and with its error whatever could not be looked at."""
    folders = [folder]
    links: list[Path] = []
    seen: set[str] = set()
    while folders or links:
        # Links to folders come last: a folder is read under its own name, and only once, so that loops end.
        here = folders.pop() if folders else links.pop(0)
        real = os.path.realpath(here)
        if real in seen:
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
                elif stat.S_ISREG(mode):  # a named pipe would wait forever for a writer
                    yield here / entry.name, None
            except OSError as error:
                yield here / entry.name, error


def _matches(path: Path, folder: Path, glob: str | None) -> bool:
    if glob is None:
        return True
    if "/" not in glob:
        return fnmatchcase(path.name, glob)
    return _match_parts(path.relative_to(folder).parts, PurePosixPath(glob).parts)


def _match_parts(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return _match_parts(parts, patterns[1:]) or (bool(parts) and _match_parts(parts[1:], patterns))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _match_parts(parts[1:], patterns[1:])


def _explain(error: OSError) -> str:
    reason = error.strerror or " ".join(str(error).split())
    remedy = "ask for the right to read it" if isinstance(error, PermissionError) else "check that it is whole"
    return f"{reason}; {remedy}, or leave it out"


def _nothing_found(paths: Sequence[Path], glob: str | None, others: set[str]) -> str:
    message = f"found no {_NAMED_EXTENSIONS} file in {', '.join(map(str, paths))}"
    if glob is not None:
        return f"{message} that matches {glob!r}; give another --glob, or none for every supported file"
    if others:
        message += f", only {', '.join(sorted(others))}"
    return f"{message}; convert the texts to one of these formats, or name another folder"

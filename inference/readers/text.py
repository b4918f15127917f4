"""Plain text and Markdown files: finding their encoding and reading each as one document."""

from __future__ import annotations

import codecs
import hashlib
import logging
from collections.abc import Iterable, Iterator

from ...labels.errors import DataError
from ..documents import Document, ReadOptions, Source

logger = logging.getLogger(__name__)

# UTF-32 first: its little-endian mark begins with that of UTF-16. Both codecs take the mark off.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What text may hold: backspace, tab, line ends, form feed, the end mark of DOS files, escape.
_CONTROLS = bytes(set(range(32)) - {8, 9, 10, 11, 12, 13, 26, 27})
# Of random bytes 9 % are such characters, of real text hardly any.
_MOST_CONTROLS = 0.03

# What older news archives are written in. The full list of charset-normalizer has encodings of mainframes and early
# desktops that short texts are mistaken for; where several fit equally well, the one that comes first here is taken.
_OLDER_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1256", "cp1254", "cp1253", "cp1255", "cp1257", "cp1258"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949", "koi8_r", "koi8_u", "iso8859_2", "iso8859_5", "tis_620"),
)
_SAMPLE = 65_536  # bytes


def read_text(source: Source, options: ReadOptions) -> Iterator[Document]:  # noqa: ARG001  the shape of all readers
    """Read a file as one document; an empty file is an empty text. Newlines stay as they are.

    Raises:
        DataError: the file is binary, or its encoding cannot be told.
        OSError: the file cannot be opened.
    """
    data = source.path.read_bytes()
    encoding = find_encoding([data], name=source.id)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(undecodable(encoding, error)) from error
    yield Document(source.id, hashlib.sha256(data).hexdigest(), text)


def find_encoding(chunks: Iterable[bytes], *, name: str) -> str:
    """Return the codec of a file: by its byte order mark, else UTF-8 if all of it is, else the likeliest.

    Args:
        chunks: the bytes of the file, cut only behind line ends.
        name: what to call the file when its encoding had to be guessed, which is logged as a warning.

    Raises:
        DataError: the bytes are no text, or fit no encoding.
    """
    size = controls = 0
    sample = b""
    for chunk in chunks:
        if size == 0:
            for mark, encoding in _BYTE_ORDER_MARKS:
                if chunk.startswith(mark):
                    return encoding
        if b"\0" in chunk:
            raise DataError("holds NUL bytes, so it is binary, or UTF-16 without its mark; save it as text in UTF-8")
        size += len(chunk)
        controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        if not sample and not _is_utf8(chunk):
            sample = _lines_beyond_ascii(chunk)
    if controls > size * _MOST_CONTROLS:
        raise DataError(f"holds {controls:,} control characters in {size:,} bytes: no text; save it as text in UTF-8")
    if not sample:
        return "utf-8-sig"  # takes off the mark if there is one
    encoding = _guess(sample)
    logger.warning("%s: not UTF-8; read as %s, a guess. Save it as UTF-8 to be sure", name, encoding)
    return encoding


def undecodable(encoding: str, error: UnicodeDecodeError) -> str:
    """Return the message for a file that breaks the encoding it seemed to have."""
    return f"looked like {encoding}, but byte {error.start:,} is not ({error.reason}); save it as UTF-8"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines_beyond_ascii(data: bytes) -> bytes:
    """Return the lines that tell encodings apart, whole, up to the sample size but at least one."""
    lines: list[bytes] = []
    size = 0
    for line in data.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > _SAMPLE:
                break
    return b"".join(lines)


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(_OLDER_ENCODINGS))
    best = matches.best()
    if best is None:
        raise DataError("neither UTF-8 nor another encoding that can be told; save it as text in UTF-8")
    equal = {
        encoding
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
        for encoding in match.could_be_from_charset  # those that read the sample alike are one match
    }
    return next((encoding for encoding in _OLDER_ENCODINGS if encoding in equal), best.encoding)

"""Which reader reads which file: by what its first bytes say, and where they say nothing by its extension."""

from __future__ import annotations

import re
import struct
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...labels.errors import DataError


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file and where its reader is.

    Attributes:
        name: what it is called in messages.
        extensions: in small letters; the first one is the usual one.
        module: of `readers` that has the reader, imported when a file needs it.
        reader: name of the function; empty for what `readers.containers` unpacks.
        whole: read into memory at once, so that its size is limited.
        binary: told by its first bytes; a file of this name that begins otherwise is something else.
    """

    name: str
    extensions: tuple[str, ...]
    module: str
    reader: str
    whole: bool = True
    binary: bool = False

    @property
    def container(self) -> bool:
        """Whether it holds other files."""
        return self.module == "containers"


TEXT = Format("text", (".txt", ".md"), "text", "read_text")
HTML = Format("HTML", (".html", ".htm"), "web", "read_html")
PDF = Format("PDF", (".pdf",), "pdf", "read_pdf", binary=True)
DOCX = Format("Word", (".docx",), "word", "read_docx", binary=True)
EMAIL = Format("e-mail", (".eml",), "mail", "read_eml")
MBOX = Format("mailbox", (".mbox",), "mail", "read_mbox", whole=False)
EPUB = Format("EPUB", (".epub",), "epub", "read_epub", binary=True)
RTF = Format("RTF", (".rtf",), "rtf", "read_rtf")
JSONL = Format("JSON Lines", (".jsonl",), "tables", "read_jsonl", whole=False)
CSV = Format("CSV", (".csv", ".tsv"), "tables", "read_csv", whole=False)
PARQUET = Format("Parquet", (".parquet",), "parquet", "read_parquet", whole=False, binary=True)
XML = Format("news XML", (".xml",), "news_xml", "read_news_xml")
ZIP = Format("zip", (".zip",), "containers", "", whole=False, binary=True)
TAR = Format("tar", (".tar",), "containers", "", whole=False, binary=True)
GZIP = Format("gzip", (".gz", ".tgz"), "containers", "", whole=False, binary=True)
ZSTD = Format("Zstandard", (".zst",), "containers", "", whole=False, binary=True)

FORMATS = (TEXT, HTML, PDF, DOCX, EMAIL, MBOX, EPUB, RTF, JSONL, CSV, PARQUET, XML, ZIP, TAR, GZIP, ZSTD)
BY_EXTENSION = {extension: found for found in FORMATS for extension in found.extensions}
EXTENSIONS = tuple(BY_EXTENSION)
NAMED_EXTENSIONS = f"{', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}"

HEAD = 4096  # bytes; what is looked at of the beginning of a file
_PDF_WITHIN = 1024  # bytes; a PDF may have that much before its mark
_TAR_MARK_AT = 257
_MOST_PARTS = 10_000  # entries; a Word file or a book has fewer, and listing those of a large archive takes seconds

# What zip files can be, by an entry that only they have.
_ZIPPED = {"word/document.xml": DOCX, "META-INF/container.xml": EPUB}
_ZIPPED_OTHERS = {
    "xl/workbook.xml": "an Excel workbook; save its table as CSV",
    "xl/workbook.bin": "an Excel workbook; save its table as CSV",
    "ppt/presentation.xml": "a PowerPoint presentation; save it as PDF",
    "META-INF/manifest.xml": "an OpenDocument file; save it as .docx or PDF",
}
_OTHERS = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image; read its text with an OCR program first"),
    (b"\xff\xd8\xff", "a JPEG image; read its text with an OCR program first"),
    (b"GIF8", "a GIF image; read its text with an OCR program first"),
    (b"II*\0", "a TIFF image; read its text with an OCR program first"),
    (b"MM\0*", "a TIFF image; read its text with an OCR program first"),
    (b"RIFF", "an image, a sound or a film; write down its text first"),
    (b"BZh", "a bzip2 file; unpack it, or pack it as .gz or .zst"),
    (b"\xfd7zXZ\0", "an xz file; unpack it, or pack it as .gz or .zst"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it, or pack it as .zip"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it, or pack it as .zip"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_OFFICE = "an old Word, Excel or PowerPoint file, or one with a password; save it as .docx, without password"

_HTML_START = re.compile(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S)
_NEWS_START = re.compile(
    r"(?:<!--.*?-->\s*|<!doctype[^>]*>\s*)*<(?:\w+:)?(?:newsml|nitf|newsmessage|newsitem)\b", re.I | re.S
)
_MAIL_HEADER = re.compile(
    r"(?:from|to|cc|date|subject|received|return-path|delivered-to|message-id|mime-version|reply-to|sender|x-[\w-]+"
    r"|content-[\w-]+|dkim-signature|list-[\w-]+|references|in-reply-to): ?\S",
    re.I,
)
_HEADERS_OF_MAIL = 2  # lines; one alone can be how a text begins


def extension(name: str) -> str:
    """Return the last extension of a file's name in small letters, with its dot; empty if it has none."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def identify(path: Path) -> Format:
    """Tell what a file is by looking into it, and by its extension where that does not help.

    Raises:
        DataError: it is nothing that can be read, or not what its extension says.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    ending = extension(path.name)
    named = BY_EXTENSION.get(ending)
    found = identify_head(head, ending)
    if found is ZIP:
        return _identify_zip(path, head, named)
    if found is PARQUET and named is not PARQUET and not _ends_with(path, b"PAR1"):
        found = None  # a text may begin with these four letters
    if found is not None:
        return found
    if named is not None and not named.binary:
        return named
    problem = _OLD_OFFICE if head.startswith(_OLE) else None
    problem = problem or next((what for mark, what in _OTHERS if head.startswith(mark)), None)
    if problem is not None:
        raise DataError(f"is {problem}")
    if named is not None:
        if not head:
            raise DataError("is empty; get a whole copy of the file")
        raise DataError(f"is called {ending} but does not begin like one; get a whole copy, or give it its right name")
    if (mail := _mail(head)) is not None:
        return mail
    raise DataError(f"cannot read this kind of file ({ending or 'no extension'}); convert it to {NAMED_EXTENSIONS}")


def identify_head(head: bytes, ending: str) -> Format | None:
    """Tell what a file is by its first `HEAD` bytes; None if they do not say. Every kind of zip file is `ZIP`."""
    named = BY_EXTENSION.get(ending)
    marks = (
        (b"%PDF-", PDF),
        (b"PK\3\4", ZIP),
        (b"PK\5\6", ZIP),
        (b"\x1f\x8b\x08", GZIP),
        (b"\x28\xb5\x2f\xfd", ZSTD),
        (b"PAR1", PARQUET),
        (b"{\\rtf", RTF),
    )
    for mark, found in marks:
        if head.startswith(mark):
            return found
    if is_tar(head) or (named is TAR and _is_old_tar(head)):
        return TAR
    # Last of the marks: an archive may begin with a PDF.
    if (named is None or named.binary) and b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    text = _beginning(head)
    if _HTML_START.match(text):
        return HTML
    if text.startswith("<?xml") or _NEWS_START.match(text):
        return HTML if named is HTML else XML
    return None


def may_be_large(head: bytes, ending: str) -> bool:
    """Whether a file with these first `HEAD` bytes may be larger than one document."""
    named = BY_EXTENSION.get(ending)
    found = identify_head(head, ending)
    if found is None or (found is ZIP and named is not None):  # what kind of zip file it is stands at its end
        found = named
    return found is not None and not found.whole


def is_tar(head: bytes) -> bool:
    """Whether the first bytes are those of a tar archive of today's form."""
    return head[_TAR_MARK_AT : _TAR_MARK_AT + 5] == b"ustar"


def count_zip_entries(path: Path) -> int:
    """Return how many entries a zip file says it has, without listing them; 0 if its end cannot be found."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - (1 << 16) - 128))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        return 0
    count = int(struct.unpack_from("<H", tail, at + 10)[0])
    large = tail.rfind(b"PK\6\6", 0, at)
    if count == 0xFFFF and large >= 0 and len(tail) >= large + 40:
        count = int(struct.unpack_from("<Q", tail, large + 32)[0])
    return count


def _identify_zip(path: Path, head: bytes, named: Format | None) -> Format:
    zipped = named if named in (DOCX, EPUB) else ZIP
    if head[30:38] == b"mimetype" and b"application/epub+zip" in head[38:128]:
        return EPUB
    if count_zip_entries(path) > _MOST_PARTS:
        return zipped
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except Exception:  # damaged; the reader says how
        return zipped
    for entry, found in _ZIPPED.items():
        if entry in names:
            return found
    for entry, what in _ZIPPED_OTHERS.items():
        # A jar has such a manifest too, and an archive of news may hold anything.
        if entry in names and (named is not ZIP) and (entry != "META-INF/manifest.xml" or "content.xml" in names):
            raise DataError(f"is {what}")
    return ZIP


def _is_old_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _ends_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - len(mark)))
        return file.read() == mark


def _beginning(head: bytes) -> str:
    """Return the first characters as far as they matter for marks, in whatever encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
    else:
        text = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text.lstrip()


def _mail(head: bytes) -> Format | None:
    """Tell a mailbox and a mail without extension by their first lines."""
    if head.startswith(b"From ") and b"\n" in head:
        return MBOX
    lines = head.decode("latin-1").splitlines()
    headers = 0
    for line in lines:
        if _MAIL_HEADER.match(line):
            headers += 1
        elif not (headers and line[:1] in (" ", "\t")):  # a header goes on behind white space
            break
    return EMAIL if headers >= _HEADERS_OF_MAIL else None

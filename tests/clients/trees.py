"""Directory trees with names that clients and servers get wrong, and their content."""

import hashlib
import random
from pathlib import Path

FILES = 200
ODDEST = "oddest"
"""The directory within the tree that has one of each kind."""

_MIB = 1024 * 1024
_PRINTABLE = [chr(code) for code in range(0x20, 0x7F) if chr(code) != "/"]

# Names that are odd as a whole.
_WHOLE = (
    ".hidden", "..two", "...", "~", "~user", "=", "a=b&c=d", "-", "--recursive", "-rf",
    " leading", "trailing ", "two  spaces", "trailing.", "%", "100%", "%41", "%2F", "%2f..%2f",
    "%252F", "%00", "a%20b+c", "?acl", "?uploadId=1&partNumber=2", "a?b#c", "#", "'", '"', "\\",
    "it's \"quoted\"", "<Key>&amp;</Key>", "]]>", "&#10;", "${HOME}", "$(id)", "`id`", "*", "[a-z]",
    "{a,b}", "tab\there", "line\nbreak",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",         # composed (NFC) ...
    "e\N{COMBINING ACUTE ACCENT}",                  # ... and decomposed (NFD): two names
    "\N{ANGSTROM SIGN}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\N{LATIN SMALL LIGATURE FI}",
    "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}", "\N{LINE SEPARATOR}", "\N{HEBREW LETTER ALEF}",
    "\N{CJK UNIFIED IDEOGRAPH-65E5}", "\N{ROCKET}", "\ue000",
    "Case", "case", "CASE", "n" * 200, "\N{ROCKET}" * 50,
)  # fmt: skip

# Directories: separators of paths, queries and encodings.
_DIRECTORIES = (
    *(f"in {sign} dir" for sign in " +%&#?'\"~=;,:@\\"),
    ".dir", "%2Fdir", "dir e\N{COMBINING ACUTE ACCENT}", "+segments", ".s3gw",
)  # fmt: skip


def odd_tree(root: Path) -> dict[str, str]:
    """Make a tree of FILES small files with odd names, some of them empty; its digests."""
    names = [f"ascii/x{sign}y" for sign in _PRINTABLE]
    names += [f"{ODDEST}/{name}" for name in _WHOLE]
    names += [f"{ODDEST}/{directory}/file" for directory in _DIRECTORIES]
    names += ["/".join(["l" * 250] * 4) + "/" + "k" * 20, "/".join("deep" for _ in range(40))]
    names += [f"plain/{n}" for n in range(FILES - len(names))]
    assert len(set(names)) == FILES
    assert max(len(name.encode()) for name in names) == 1024  # the longest that S3 knows
    for index, name in enumerate(names):
        _write(root / name, b"" if index % 10 == 0 else name.encode() * (index % 7 + 1))
    return digests(root)


def random_file(path: Path, mebibytes: int) -> Path:
    """Make a file that no compression and no repeated block can stand for."""
    source = random.Random(path.name)  # noqa: S311 - no secret: the same on each run
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(source.randbytes(_MIB))
    return path


def digests(root: Path) -> dict[str, str]:
    """The hex MD5 of each file below the directory, by its path from there."""
    return {
        path.relative_to(root).as_posix(): digest(path)
        for path in root.rglob("*")
        if path.is_file()
    }


def digest(path: Path) -> str:
    """The file's hex MD5, which is also what Swift knows of an object."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

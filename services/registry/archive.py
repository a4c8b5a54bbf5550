"""A backup of the register as a file: a tar that can be read without Chelu. No database here.

``manifest.json`` comes first, its own SHA-256 behind it, and lists every other part with size and SHA-256.
``tables/NAME.ndjson.gz`` has a row a line, as PostgreSQL writes it in JSON; ``roads/SITE/VERSION.net.xml.gz`` are road networks
as they were put in.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from chelu.errors import CheluError

FORMAT, VERSION = "chelu register backup", 1
MANIFEST = "manifest.json"
CHECK = "manifest.json.sha256"  # as sha256sum writes it
MAX_MANIFEST_BYTES = 16 << 20
CHUNK = 1 << 20
LEVEL = 6


class ArchiveError(CheluError):
    """A backup that cannot be used: which part, what was found, what should be."""

    def __init__(self, part: str, found: str, allowed: str) -> None:
        self.part, self.found, self.allowed = part, found, allowed
        super().__init__(f"the backup's part {part} is not whole: {found}, it should be {allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part as the manifest lists it; `rows`, `columns` and `table` of a table's."""

    name: str
    bytes: int
    sha256: str
    table: str | None = None
    rows: int | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds; `schema_step` is the last migration that its tables have."""

    made: str
    chelu: str
    schema_step: int
    sequences: Mapping[str, int]
    parts: tuple[Part, ...] = ()
    format: str = FORMAT
    version: int = VERSION

    def tables(self) -> dict[str, Part]:
        """The tables' parts by table."""
        return {part.table: part for part in self.parts if part.table}

    def document(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


@dataclass(slots=True)
class Writer:
    """Collects parts in a temporary file; `finish` writes the tar, the manifest first."""

    _store: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _parts: list[tuple[Part, int]] = field(default_factory=list)

    def table(self, name: str, columns: Iterable[str], lines: Iterable[str]) -> int:
        """Add a table's rows, each a JSON object; returns how many."""
        start, rows = self._store.tell(), 0
        with gzip.GzipFile(fileobj=self._store, mode="wb", compresslevel=LEVEL, mtime=0) as packed:
            for line in lines:
                packed.write(line.encode() + b"\n")
                rows += 1
        self._note(
            Part(name=f"tables/{name}.ndjson.gz", bytes=0, sha256="", table=name, rows=rows, columns=tuple(columns)), start
        )
        return rows

    def file(self, name: str, content: bytes) -> None:
        """Add a file as it is."""
        start = self._store.tell()
        self._store.write(content)
        self._note(Part(name=name, bytes=0, sha256=""), start)

    def finish(self, manifest: Manifest, target: IO[bytes]) -> Manifest:
        """Write the archive to `target`; returns the manifest with its parts."""
        whole = Manifest(**{**_fields(manifest), "parts": tuple(part for part, _ in self._parts)})
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, content in ((MANIFEST, whole.document()), (CHECK, _check_line(whole.document()))):
                _add(tar, name, io.BytesIO(content), len(content))
            for part, start in self._parts:
                self._store.seek(start)
                _add(tar, part.name, self._store, part.bytes)
        return whole

    def close(self) -> None:
        """Give the temporary file up."""
        self._store.close()

    def _note(self, part: Part, start: int) -> None:
        end = self._store.tell()
        self._store.seek(start)
        digest = hashlib.sha256()
        while chunk := self._store.read(min(CHUNK, end - self._store.tell())):
            digest.update(chunk)
        self._parts.append((Part(**{**_fields(part), "bytes": end - start, "sha256": digest.hexdigest()}), start))


class Archive:
    """A backup that was found whole; `source` stays open while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        """Check every part; ArchiveError names the first that is damaged, missing or not listed."""
        source.seek(0)
        try:
            self._tar = tarfile.open(fileobj=source, mode="r:")  # noqa: SIM115 - read as long as the archive is
            members = {member.name: member for member in self._tar.getmembers()}
        except (tarfile.TarError, OSError, ValueError) as error:
            raise ArchiveError("(the file)", str(error), "a tar archive made by chelu backup") from None
        self._members = members
        self.manifest = self._manifest()
        listed = {part.name for part in self.manifest.parts}
        if unknown := sorted(members.keys() - listed - {MANIFEST, CHECK}):
            raise ArchiveError(unknown[0], "not listed in the manifest", "left out")
        for part in self.manifest.parts:
            self._check(part)

    @contextmanager
    def lines(self, table: str) -> Iterator[Iterator[str]]:
        """The rows of a table as JSON texts."""
        with self._open(self.manifest.tables()[table].name) as file, gzip.open(file, "rt", encoding="utf-8") as text:
            yield (line.rstrip("\n") for line in text)

    def content(self, name: str) -> bytes:
        """A file; ArchiveError when there is none of that name."""
        with self._open(name) as file:
            return file.read()

    def _open(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(self._members[name]) if name in self._members else None
        if file is None:
            raise ArchiveError(name, "missing", "a file of the archive")
        return file

    def _manifest(self) -> Manifest:
        with self._open(MANIFEST) as file:
            text = file.read(MAX_MANIFEST_BYTES)
        if self.content(CHECK) != _check_line(text):
            raise ArchiveError(MANIFEST, "another SHA-256", f"that of {CHECK}")
        try:
            document = json.loads(text)
            found, version = document["format"], int(document["version"])
            if found != FORMAT or version > VERSION:
                raise ArchiveError(
                    MANIFEST, f"{found} of version {version}", f"{FORMAT} of at most version {VERSION}: take a newer Chelu"
                )
            parts = tuple(Part(**{**part, "columns": tuple(part["columns"])}) for part in document.pop("parts"))
            return Manifest(**{**document, "parts": parts})
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(MANIFEST, f"unreadable ({error})", "the manifest that chelu backup wrote") from None

    def _check(self, part: Part) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with self._open(part.name) as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except (tarfile.TarError, OSError) as error:
            raise ArchiveError(part.name, f"cut off ({error})", f"{part.bytes} bytes") from None
        if size != part.bytes:
            raise ArchiveError(part.name, f"{size} bytes", f"{part.bytes} bytes")
        if digest.hexdigest() != part.sha256:
            raise ArchiveError(part.name, f"SHA-256 {digest.hexdigest()[:16]}…", f"{part.sha256[:16]}…")


def _check_line(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, content)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}

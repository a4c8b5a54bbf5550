"""The backup's file: what is written is read again, and every kind of damage names its part."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable

import pytest

from services.registry.archive import FORMAT, Archive, ArchiveError, Manifest, Writer

ROWS = ['{"site_id": "a"}', '{"site_id": "b", "name": "山城"}']
Change = Callable[[dict[str, bytes]], object]


def archive() -> bytes:
    writer, target = Writer(), io.BytesIO()
    writer.table("site", ["site_id", "name"], ROWS)
    writer.file("roads/a/1.net.xml.gz", b"roads")
    writer.finish(Manifest(made="now", chelu="1", schema_step=3, sequences={"audit_id_seq": 9}), target)
    writer.close()
    return target.getvalue()


def changed(change: Change) -> io.BytesIO:
    """The archive with its members changed."""
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        members = {name: (tar.extractfile(name) or io.BytesIO()).read() for name in tar.getnames()}
    change(members)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target


def manifest(**fields: object) -> Change:
    def change(members: dict[str, bytes]) -> None:
        sealed(members, json.dumps({**json.loads(members["manifest.json"]), **fields}).encode())

    return change


def sealed(members: dict[str, bytes], text: bytes) -> None:
    line = f"{hashlib.sha256(text).hexdigest()}  manifest.json\n".encode()
    members.update({"manifest.json": text, "manifest.json.sha256": line})


def test_what_is_written_is_read_again_and_is_readable_without_chelu() -> None:
    source = io.BytesIO(archive())
    found = Archive(source)
    assert (found.manifest.schema_step, found.manifest.sequences, found.manifest.tables()["site"].rows) == (
        3,
        {"audit_id_seq": 9},
        2,
    )
    with found.lines("site") as lines:
        assert list(lines) == ROWS
    assert found.content("roads/a/1.net.xml.gz") == b"roads"
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        assert tar.getnames() == ["manifest.json", "manifest.json.sha256", "tables/site.ndjson.gz", "roads/a/1.net.xml.gz"]
        table = tar.extractfile("tables/site.ndjson.gz")
        assert table is not None
        assert gzip.decompress(table.read()).decode().splitlines() == ROWS


@pytest.mark.parametrize(
    ("change", "part", "text"),
    [
        (lambda m: m.update({"tables/site.ndjson.gz": m["tables/site.ndjson.gz"][:-1]}), "tables/site.ndjson.gz", "bytes"),
        (lambda m: m.update({"roads/a/1.net.xml.gz": b"toads"}), "roads/a/1.net.xml.gz", "SHA-256"),
        (lambda m: m.pop("roads/a/1.net.xml.gz"), "roads/a/1.net.xml.gz", "missing"),
        (lambda m: m.update({"more": b""}), "more", "not listed"),
        (lambda m: m.pop("manifest.json"), "manifest.json", "missing"),
        (lambda m: sealed(m, b"{"), "manifest.json", "unreadable"),
        (lambda m: m.update({"manifest.json": m["manifest.json"].replace(b"now", b"new")}), "manifest.json", "another SHA-256"),
        (lambda m: m.pop("manifest.json.sha256"), "manifest.json.sha256", "missing"),
        (manifest(version=2), "manifest.json", "of version 2.*at most version 1: take a newer Chelu"),
        (manifest(format="another"), "manifest.json", f"another of version 1.*{FORMAT}"),
        (manifest(parts=[{}]), "manifest.json", "unreadable"),
    ],
)
def test_a_damaged_or_newer_file_is_refused_with_the_part_that_is_wrong(change: Change, part: str, text: str) -> None:
    with pytest.raises(ArchiveError, match=text) as caught:
        Archive(changed(change))
    assert caught.value.part == part


@pytest.mark.parametrize("content", [b"", b"no tar", archive()[:700]])
def test_what_is_no_archive_or_was_cut_off_is_refused(content: bytes) -> None:
    with pytest.raises(ArchiveError):
        Archive(io.BytesIO(content))


def test_every_single_bit_of_a_part_counts() -> None:
    whole = bytearray(archive())
    place = whole.rindex(b"roads")
    for offset in range(5):
        broken = bytearray(whole)
        broken[place + offset] ^= 1
        with pytest.raises(ArchiveError):
            Archive(io.BytesIO(bytes(broken)))

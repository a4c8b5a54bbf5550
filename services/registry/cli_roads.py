"""`chelu site roads`: a site's map, put in and read back."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Annotated

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import open_client

MAGIC = b"\x1f\x8b"  # RFC 1952


def add(app: typer.Typer) -> None:
    """Add the command to `chelu site`."""
    app.command("roads")(roads)


def roads(
    site_id: str,
    put: Annotated[
        Path | None, typer.Option(help="A SUMO network (.net.xml, packed with gzip or not): the site's newest.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the newest into this file; packed when its name ends in .gz.")] = None,
) -> None:
    """Put a road network in as the site's newest version, or save the newest."""
    if (put is None) == (save is None):
        raise ConfigurationError("--put, --save", None, "one of the two")
    with open_client() as client:
        if put is not None:
            content = _read(put)
            version = client.put_roads(site_id, content if content.startswith(MAGIC) else gzip.compress(content, mtime=0))
            typer.echo(f"roads of {site_id}: version {version}")
        elif save is not None:
            packed = client.roads(site_id)
            _write(save, packed if save.suffix == ".gz" else gzip.decompress(packed))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError("--put", str(file), f"it cannot be read ({error.strerror})") from None


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError("--save", str(file), f"it cannot be written ({error.strerror})") from None

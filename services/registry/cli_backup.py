"""`chelu backup` and `chelu restore`: the register as a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer

from chelu.errors import ConfigurationError
from services.registry.cli_shared import AsJson, open_client, print_one


def backup(file: Annotated[Path, typer.Argument(help="The archive to write: a tar of tables, readable without Chelu.")]) -> None:
    """Save the register: devices, people, hashes of their credentials, roads, audit log; not what was stored of messages."""
    temporary = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with open_client() as client, os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            size = client.backup(target)
            os.fsync(target.fileno())
        temporary.replace(file)
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):  # it may be below a file, or nowhere
            temporary.unlink()
    typer.echo(f"{file}: {size} bytes; it holds hashes of credentials, keep it like them")


def restore(
    file: Annotated[Path, typer.Argument(help="What `chelu backup` wrote.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Also where something is registered, which is then gone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the register be what a backup says, all or nothing; a damaged or newer file is refused with the part that is wrong."""
    try:
        source = file.open("rb")
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be read ({error.strerror})") from None
    with source, open_client() as client:
        restored = client.restore(source, replace=replace)
    for name in restored["unreleased"]:
        typer.echo(f"{name} has not heard that it may go on after an emergency stop, and the backup does not know it", err=True)
    rows = {table: count for table, count in restored["rows"].items() if count}
    print_one(restored if as_json else {"made": restored["made"], "with Chelu": restored["chelu"], **rows}, as_json=as_json)

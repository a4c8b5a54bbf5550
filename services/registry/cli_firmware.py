"""`chelu firmware …`: makers' keys, packages of firmware and models, and which device may have which."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from services.registry.cli_shared import EXTRA, AsJson, open_client, print_one, print_rows

FIRMWARE = typer.Typer(
    help="Packages of firmware and models, who signed them, and which device may have which.", no_args_is_help=True
)
COLUMNS = ("package_id", "component", "name", "version", "bytes", "key", "is_there", "created")
RULE_COLUMNS = ("rule_id", "vendor", "model", "from_version")
CHUNK = 1 << 20


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(FIRMWARE, name="firmware")


@FIRMWARE.command("keygen")
def keygen(file: Annotated[Path, typer.Argument(help="A new file for the private key.")]) -> None:
    """Make a maker's key; prints the public one, for `chelu firmware trust` and for devices' keys files."""
    with extra(EXTRA):
        from chelu.signing import Signer
    signer = Signer.new()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"a new file ({error.strerror})") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(signer.pem())
    typer.echo(signer.public_key)


@FIRMWARE.command("trust")
def trust(name: str, public_key: str, *, as_json: AsJson = False) -> None:
    """Take packages that this key signed."""
    with open_client() as client:
        print_one(client.people("POST", "signing-keys", json={"name": name, "public_key": public_key}), as_json=as_json)


@FIRMWARE.command("keys")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys whose packages are taken, also those that sign nothing more."""
    with open_client() as client:
        print_rows(client.people("GET", "signing-keys"), ("name", "public_key", "revoked", "created"), as_json=as_json)


@FIRMWARE.command("distrust")
def distrust(name: str) -> None:
    """Take nothing more that this key signed."""
    with open_client() as client:
        client.people("DELETE", "signing-keys", name)


@FIRMWARE.command("upload")
def upload(
    file: Annotated[Path, typer.Argument(help="The package, such as an image or an .onnx file.")],
    name: Annotated[str, typer.Option(help="What it is a version of.")],
    version: Annotated[str, typer.Option(help="Which version.")],
    key: Annotated[Path, typer.Option(help="The maker's private key, which stays here.")],
    maker: Annotated[str, typer.Option(help="The name under which the key is trusted.")],
    *,
    model: Annotated[bool, typer.Option("--model", help="It is a model, not firmware.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign a package and give it to the registry."""
    component = "model" if model else "firmware"
    with extra(EXTRA):
        from chelu.signing import Signer, Statement
    signer = Signer.load(key)
    try:
        with file.open("rb") as content, open_client() as client:
            statement = Statement(
                component, name, version, file.stat().st_size, hashlib.file_digest(content, "sha256").hexdigest()
            )
            content.seek(0)
            query = {"component": component, "name": name, "version": version, "key": maker, "signature": signer.sign(statement)}
            headers = {"Content-Type": "application/octet-stream"}
            pieces = iter(lambda: content.read(CHUNK), b"")
            added = client.people("POST", "packages", params=query, content=pieces, headers=headers, timeout=3600)
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be read ({error.strerror})") from None
    print_one(added, as_json=as_json)


@FIRMWARE.command("list")
def list_packages(*, as_json: AsJson = False) -> None:
    """List packages."""
    with open_client() as client:
        print_rows(client.people("GET", "packages"), COLUMNS, as_json=as_json)


@FIRMWARE.command("delete")
def delete_package(package: int) -> None:
    """Delete a package that no campaign names."""
    with open_client() as client:
        client.people("DELETE", "packages", str(package))


@FIRMWARE.command("allow")
def allow(
    package: int,
    vendor: Annotated[str | None, typer.Option(help="Only devices of this vendor.")] = None,
    model: Annotated[str | None, typer.Option(help="Only devices of this model.")] = None,
    from_version: Annotated[str | None, typer.Option("--from", help="Only from this version; else from any.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let devices have a package."""
    rule = {"vendor": vendor, "model": model, "from_version": from_version}
    with open_client() as client:
        print_one(client.people("POST", "packages", str(package), "rules", json=rule), as_json=as_json)


@FIRMWARE.command("rules")
def list_rules(
    package: int,
    delete: Annotated[int | None, typer.Option(help="Take this rule away first.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List which devices may have a package."""
    with open_client() as client:
        if delete is not None:
            client.people("DELETE", "packages", str(package), "rules", str(delete))
        print_rows(client.people("GET", "packages", str(package), "rules"), RULE_COLUMNS, as_json=as_json)

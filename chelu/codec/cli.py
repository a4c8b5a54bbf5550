"""`chelu decode` and `chelu encode`: one message ⇄ JSON with names and units."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from chelu.errors import CheluError, ConfigurationError


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command()(decode)
    app.command()(encode)


def decode(
    text: Annotated[str | None, typer.Option("--hex", help="the frame as hexadecimal digits")] = None,
    file: Annotated[Path | None, typer.Option(help="a file with the frame: its bytes, or hexadecimal digits as text")] = None,
) -> None:
    """Print a C-V2X message (UPER MessageFrame) as JSON with names and units."""
    from chelu.codec import cv2x

    if (text is None) == (file is None):
        raise CheluError("give the frame with --hex or with --file, one of them")
    frame = _from_hex(text) if file is None else _from_file(file)
    print(json.dumps(cv2x.to_json(frame), ensure_ascii=False, indent=2))


def encode() -> None:
    """Read a message as JSON on standard input, as `chelu decode` prints it, and print the frame as hexadecimal digits."""
    from chelu.codec import cv2x

    print(cv2x.from_text(sys.stdin.buffer.read()).hex())


def _from_hex(text: str | None) -> bytes:
    digits = (text or "").strip().removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ConfigurationError("--hex", text, "hexadecimal digits, two for each byte") from None


def _from_file(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CheluError(f"{file} cannot be read: {error.strerror}") from None
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return data

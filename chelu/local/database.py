"""Where the database of the site that runs here is, as commands find it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chelu.errors import CannotStartError
from chelu.local.files import Layout, home, read_json


def database_url(environ: Mapping[str, str], data: Path | None = None) -> str:
    """CHELU_DATABASE_URL, or the database of the site that runs on `data` (CHELU_HOME, ./chelu-data)."""
    if data is None and (url := environ.get("CHELU_DATABASE_URL")):
        return url
    file = Layout((data or home(environ)).absolute()).endpoints
    url = read_json(file).get("database_url")
    if not isinstance(url, str):
        remedy = "start the site with `chelu up --data …`, or set CHELU_DATABASE_URL"
        raise CannotStartError(f"no site runs here (there is no {file}, or it names no database)", remedy)
    return url

"""Runs in the register: handed to its API with the verdict, and read from there again. The database is the registry's alone."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from chelu.api import Client
from chelu.api_endpoint import path_of
from chelu.errors import CheluError, ConfigurationError
from chelu.local.files import environment, writing
from simulators.scenario.running_options import Options
from simulators.scenario.verdict import EXIT_CODES, Outcome

Document = Mapping[str, Any]
PAGE = 1000
LONGEST_NAME = 60
BINARY = {"Content-Type": "application/octet-stream"}
HANDED_OVER = (".html", ".xml", ".mcap")  # of the evidence: tables and verdict are in the register's own document


def attachments(files: Sequence[Path], options: Options) -> dict[str, Path]:
    """What is kept beside a run, by name: the report, the worst runs, and what a recording was judged by."""
    wanted = [one for one in files if one.suffix in HANDED_OVER]
    judged = [*(one for one in options.recordings if one.is_file()), *([options.track] if options.track is not None else [])]
    found = {one.name: one for one in wanted}
    for number, one in enumerate(judged):
        clean = re.sub(r"[^A-Za-z0-9._-]+", "-", one.name)[-LONGEST_NAME:].lstrip("._-") or "recording"
        found[clean if clean not in found else f"{number}-{clean}"] = one
    return found


@dataclass(frozen=True, slots=True)
class Keeper:
    """A site's runs. Made before a run begins, so that what cannot be kept is said before anybody has waited for it."""

    environ: Mapping[str, str]
    site: str

    @classmethod
    def of(cls, site: str | None, data: Path | None, *, may_come: bool = False) -> Self:
        """Of the site that is named, else of the only one there is; may_come: whether the run makes it.

        ConfigurationError; UnreachableError and CannotStartError without a registry.
        """
        environ = environment(data)
        with Client.find(environ) as client:
            sites = [one.site_id for one in client.sites()]
        if site is None and len(sites) == 1:
            return cls(environ, sites[0])
        if site is None or (site not in sites and not may_come):
            raise ConfigurationError("--site", site, "one that is registered: " + (", ".join(sites) or "there is none"))
        return cls(environ, site)

    def keep(self, document: Document, options: Options, console: Console, files: Sequence[Path] = ()) -> int:
        """Hand a run over; 0, or an error's exit code when the register did not take it: the verdict stands, and is not kept.

        files: its evidence, which is handed over, too, where it is asked for.
        """
        evidence = "" if options.output is None else f"{socket.gethostname()}:{options.output.absolute()}"
        body = {"build": options.build, "evidence": evidence[:200], "document": document}
        try:
            with Client.find(self.environ) as client:
                kept = client.people("POST", "sites", self.site, "runs", json=body)
        except CheluError as error:
            console.print(f"not kept: {error}", markup=False, soft_wrap=True)
            return EXIT_CODES[Outcome.ERROR]
        console.print(f"kept as run {kept['run_id']} of {self.site}: chelu scenario runs show {kept['run_id']}", soft_wrap=True)
        return self._attach(int(kept["run_id"]), attachments(files, options), console) if options.is_attached else 0

    def _attach(self, run_id: int, files: Mapping[str, Path], console: Console) -> int:
        """Each file in turn; those that the register does not take are said."""
        code = 0
        for name, file in files.items():
            try:
                with Client.find(self.environ) as client:
                    where = "sites", self.site, "runs", str(run_id), "evidence", name
                    client.people("PUT", *where, content=file.read_bytes(), headers=BINARY)
            except (CheluError, OSError) as error:
                console.print(f"{file} is not kept beside it: {error}", markup=False, soft_wrap=True)
                code = EXIT_CODES[Outcome.ERROR]
        return code

    def files(self, run_id: int) -> list[Document]:
        """The names and sizes of what is kept beside a run."""
        found: list[Document] = self._get(str(run_id), "evidence")["files"]
        return found

    def fetch(self, run_id: int, name: str, into: Path) -> Path:
        """One of them, as it was. CannotStartError when it cannot be written."""
        with Client.find(self.environ) as client, writing(into):
            into.mkdir(parents=True, exist_ok=True)
            with (into / name).open("wb") as file:
                for piece in client.pieces(path_of("sites", self.site, "runs", str(run_id), "evidence", name)):
                    file.write(piece)
        return into / name

    def runs(self, most: int, **filters: str | None) -> list[Document]:
        """The newest runs, those that fit."""
        found: list[Document] = []
        query: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
        with Client.find(self.environ) as client:
            while len(found) < most:
                page = client.people("GET", "sites", self.site, "runs", params={**query, "limit": min(most - len(found), PAGE)})
                found += page["runs"]
                if page["next"] is None:
                    break
                query["before"] = page["next"]
        return found

    def run(self, run_id: int) -> Document:
        """What is listed of one; RefusedError when there is none."""
        return self._get(str(run_id))

    def document(self, run_id: int) -> Document:
        """Its whole verdict document."""
        return self._get(str(run_id), "document")

    def delete(self, run_id: int) -> None:
        """Keep it no longer."""
        with Client.find(self.environ) as client:
            client.people("DELETE", "sites", self.site, "runs", str(run_id))

    def _get(self, *path: str) -> Document:
        with Client.find(self.environ) as client:
            found: Document = client.people("GET", "sites", self.site, "runs", *path)
        return found

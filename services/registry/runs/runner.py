"""Runs the scenario tests that are waiting, one after the other, and keeps what comes of them; owns one thread.

A test that was running when the registry ended begins again: in memory it comes out the same.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from chelu.errors import CannotStartError, CheluError
from services.registry.asking import Answer, Asked
from services.registry.database import ITSELF, Register
from services.registry.rounds import Rounds
from services.registry.runs import test_rows
from services.registry.runs.models import NewRun
from services.registry.runs.rows import MOST_EVIDENCE_BYTES, keep, keep_evidence
from services.registry.runs.test_models import Catalogue
from services.registry.runs.watched import Watched

COMMAND = (sys.executable, "-m", "simulators.scenario.asked")  # which ends when whoever asked is gone
REMEDY = "the extra simulators runs scenarios: pip install 'chelu[simulators]' where the registry runs"
LONGEST_S, CATALOGUE_S = 300.0, 60.0
LOOKS_S = 5.0  # what is asked for wakes the thread; this is for what another day left
REPORT = "report.html"
Ask = Callable[..., Asked]


@dataclass(slots=True)
class Going:
    """The test that is running, and how far it is."""

    test_id: int
    asked: Asked
    answers: Answer = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)

    def take(self, answer: Answer) -> None:
        """One of its answers."""
        if "motion" in answer or "scene" in answer:
            self.watched.take(answer)
        else:
            self.answers.update(answer)


class Runner:
    """While it is entered, tests are run. Any thread may ask how far one is, end it, or say that there is a new one."""

    def __init__(self, register: Register, *, longest_s: float = LONGEST_S, ask: Ask = Asked) -> None:
        self._register, self._longest_s, self._ask = register, longest_s, ask
        self._news, self._lock = threading.Event(), threading.Lock()
        self._going: Going | None = None
        self._known: Catalogue | None = None
        self._is_begun = False
        self._rounds = Rounds(
            "scenario tests", self._work, "scenario tests are not run", wait=self._wait, wake=self.wake, pause_s=LOOKS_S
        )

    def __enter__(self) -> Self:
        self._rounds.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.stopping.set()
        self.end(None, "the registry ends")
        self._rounds.stop()

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    def catalogue(self) -> Catalogue:
        """What can be run, asked for once. CannotStartError where scenarios cannot be run."""
        with self._lock:
            if self._known is None:
                found: Answer = {}
                try:
                    self._ask(COMMAND, {"what": "catalogue"}, longest_s=CATALOGUE_S).answers(found.update)
                except CannotStartError as error:
                    raise CannotStartError("scenarios cannot be run here", _reason(error)) from None
                self._known = Catalogue(**found)
            return self._known

    def progress(self, test_id: int) -> dict[str, int]:
        """How many cases a running test has, and how many are done; nothing of others."""
        going = self._going
        if going is None or going.test_id != test_id:
            return {}
        return {name: going.answers[name] for name in ("cases", "done") if name in going.answers}

    def watched(self, test_id: int) -> Watched:
        """What a running test has told of its motion; nothing of others, and of one that is not paced."""
        going = self._going
        return Watched() if going is None or going.test_id != test_id else going.watched

    def end(self, test_id: int | None, why: str) -> None:
        """End a running test, whichever it is for None; what became of it is said by whoever ends it."""
        going = self._going
        if going is not None and test_id in {None, going.test_id}:
            going.asked.end(why)

    def _wait(self, _: threading.Event) -> None:
        self._news.wait(LOOKS_S)
        self._news.clear()

    def _work(self) -> None:
        with self._register.transaction(ITSELF) as connection:
            if not self._is_begun:
                connection.execute(test_rows.AGAIN.encode())
            self._is_begun = True
        while not self._rounds.stopping.is_set() and self._one():
            pass

    def _one(self) -> bool:
        """Run the next test; whether there was one."""
        with self._register.transaction(ITSELF) as connection:
            row = connection.execute(test_rows.NEXT.encode()).fetchone()
        if row is None:
            return False
        with tempfile.TemporaryDirectory(prefix="chelu-test-") as directory:
            try:
                going = self._going = Going(
                    row["test_id"], self._ask(COMMAND, _request(row, directory), longest_s=self._longest_s)
                )
                going.asked.answers(going.take)
                self._keep(row, going.answers, Path(directory))
            except CheluError as error:
                if not self._rounds.stopping.is_set():  # else it begins again with the registry
                    self._end(row, "failed", _reason(error))
            finally:
                self._going = None
        return True

    def _keep(self, row: dict[str, Any], answers: Answer, directory: Path) -> None:
        if refused := answers.get("refused"):
            self._end(row, "refused", f"{refused['field']} = {refused['value']} is not allowed: {refused['allowed']}")
            return
        run = NewRun(build=row["wanted"]["build"], evidence="the register", document=answers["document"])
        files = _evidence(directory, answers["files"])
        with self._register.transaction(row["asked_by"]) as connection:
            run_id = keep(connection, row["site_id"], row["asked_by"], run)["run_id"]
            keep_evidence(connection, run_id, files)
            if test_rows.end(connection, row["test_id"], "done", run_id=run_id) is None:
                raise CannotStartError("the run is not kept", "its test was stopped")  # which undoes all of it

    def _end(self, row: dict[str, Any], state: str, detail: str) -> None:
        with self._register.transaction(ITSELF) as connection:
            test_rows.end(connection, row["test_id"], state, detail)


def _request(row: dict[str, Any], directory: str) -> dict[str, Any]:
    return {"what": "run", **row["wanted"], "directory": directory}


def _reason(error: CheluError) -> str:
    if isinstance(error, CannotStartError) and "ModuleNotFoundError" in error.remedy:
        return REMEDY
    return f"{error.what}: {error.remedy}" if isinstance(error, CannotStartError) else str(error)


def _evidence(directory: Path, names: list[str]) -> dict[str, bytes]:
    """The report, and as much to play and as many recordings, the worst case's first, as there is room for."""
    wanted = [name for name in names if name == REPORT or name.endswith((".columns", ".mcap"))]
    found, room = {}, MOST_EVIDENCE_BYTES
    for name in wanted:
        size = (directory / name).stat().st_size
        if size <= room:
            found[name] = (directory / name).read_bytes()
            room -= size
    return found

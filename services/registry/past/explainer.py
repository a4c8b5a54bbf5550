"""Why a warning was raised, as `chelu explain` says it: it replays what is stored, in a process of its own."""

from __future__ import annotations

import os
import sys
from http import HTTPStatus
from threading import BoundedSemaphore

from chelu.errors import CannotStartError
from services.registry.asking import Answer, Asked
from services.registry.problems import Fault, ProblemError

PROGRAM = (sys.executable, "-c", "from chelu.cli import main; main()", "explain")
PREFIX = "CHELU_INFERENCE_"  # it makes the site as inference does, with its settings
LONGEST_S = 120.0
MOST = 2  # at a time: each keeps a core busy for some seconds
WAIT_S = 20.0  # for another's to be over
REFUSED = "cannot be explained"


class Explainer:
    """Asks for explanations of warnings in a database. Any thread may ask."""

    def __init__(self, database_url: str, *, longest_s: float = LONGEST_S) -> None:
        settings = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
        self._environ, self._longest_s = {**settings, "CHELU_DATABASE_URL": database_url}, longest_s
        self._places = BoundedSemaphore(MOST)

    def explain(self, site_id: str, warning_id: str) -> Answer:
        """The explanation. ProblemError 409 when what it rests on is not stored any more, 503 when it cannot be had now."""
        if not self._places.acquire(timeout=WAIT_S):
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST} warnings are being explained already: try again")
        found: Answer = {}
        command = (*PROGRAM, warning_id, "--site", site_id, "--json")
        try:
            Asked(command, {}, longest_s=self._longest_s, environ=self._environ).answers(found.update)
        except CannotStartError as error:
            raise _refusal(warning_id, error) from None
        finally:
            self._places.release()
        return found


def _refusal(warning_id: str, error: CannotStartError) -> ProblemError:
    said = error.remedy.removeprefix("chelu: ")
    if REFUSED in said:
        return ProblemError(HTTPStatus.CONFLICT, said, [Fault("warning_id", warning_id, "one whose messages are still stored")])
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"no explanation can be had now: {said}")

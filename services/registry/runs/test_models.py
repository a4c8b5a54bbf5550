"""What the API takes and gives of scenario tests that the registry runs: what can be run, what is wanted, how far it is."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated

from pydantic import Field, StringConstraints

from services.registry.models import Model, Name, Word

MOST_CASES = 5000
Choice = Annotated[
    str,
    StringConstraints(pattern=r"^[-+0-9.eE,: ]{1,200}$"),
    Field(description="a value; several, with commas; LOW:HIGH or LOW:HIGH:STEP", examples=["10,30"]),
]


class Design(enum.StrEnum):
    """How the cases are chosen of all that the ranges allow."""

    DEFAULT = "default"
    GRID = "grid"
    LATIN = "latin"
    RANDOM = "random"
    IMPORTANCE = "importance"


class State(enum.StrEnum):
    """Of a test. refused: it cannot be run so; failed: it broke, or took too long; stopped: somebody did not want it any more."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"


class Varying(Model):
    """A parameter of a scenario: its default, and a range or choices; null where it has none."""

    name: str
    default: float
    low: float | None
    high: float | None
    step: float | None
    unit: str
    choices: list[float]


class Scenario(Model):
    """A scenario that can be run."""

    scenario: str = Field(examples=["cut-in"])
    title: str
    question: str
    clause: str
    under_test: list[str]
    parameters: list[Varying]


class Catalogue(Model):
    """What can be run. devices: what can be tested in memory, `none` for the drivers of the scenario itself."""

    scenarios: list[Scenario]
    devices: list[str] = Field(examples=[["none", "applications"]])


class Wanted(Model):
    """A test: which scenario, with which values (`set`: the others keep the scenario's own), how many cases, of which build.

    is_paced: one case at the clock's pace, to be watched while it runs (`…/motion`); else all cases as fast as it goes.
    """

    scenario: Annotated[Word, Field(examples=["cut-in"])]
    set: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Choice] = Field(
        default={}, max_length=32, examples=[{"gap_m": "10,30"}]
    )
    design: Design = Design.DEFAULT
    count: Annotated[int, Field(ge=1, le=MOST_CASES, description="of a sampled design")] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="of a sampled design")] | None = None
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    is_paced: bool = False
    device: Annotated[Word, Field(examples=["none"])] = "none"
    build: Annotated[Name, Field(examples=["firmware 2.1"])] = ""


class Test(Model):
    """A test that was asked for. cases and done: while it runs; run_id: of the run that came of it."""

    test_id: int
    site_id: str
    asked: datetime.datetime
    asked_by: str
    wanted: Wanted
    state: State
    began: datetime.datetime | None
    ended: datetime.datetime | None
    detail: str
    run_id: int | None
    cases: int | None = None
    done: int | None = None


class TestPage(Model):
    """Tests, the newest first; `next` is the `before` of the next page, null on the last."""

    tests: list[Test]
    next: int | None


class EvidenceFile(Model):
    """A file that is kept beside a run."""

    name: str = Field(examples=["report.html"])
    bytes: int


class EvidenceList(Model):
    """The files that are kept beside a run, the report first."""

    files: list[EvidenceFile]

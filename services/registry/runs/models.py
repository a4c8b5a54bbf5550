"""What the API takes and gives of scenario runs: the verdict document of `chelu scenario run`, and what is listed of it."""

from __future__ import annotations

import datetime
import enum
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from services.registry.models import Finite, Instant, Model, Name, Word

FORMAT = "chelu.scenario.verdict/1"
MOST_CASES, MOST_REQUIREMENTS = 200_000, 200
Number = Finite | Literal["inf", "-inf"] | None
Numbers = dict[Name, Number]


class Verdict(enum.StrEnum):
    """From best to worst."""

    PASS = "pass"  # noqa: S105 - no password
    SKIPPED = "skipped"
    FAIL = "fail"
    ERROR = "error"


RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Read(Model):
    """Part of a document; what it says besides is kept with it, and not read."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Judged(Read):
    """What became of a requirement in one case; margin: below 0 where it was not met."""

    verdict: Verdict
    value: Number = None
    limit: Number = None
    margin: Number = None
    at_s: Number = None
    reason: str = Field("", max_length=1000)


class Described(Read):
    """A requirement or a validity condition."""

    title: Name
    metric: Name
    unit: Name = ""
    of: list[Name] = Field(default=[], max_length=32)
    clause: Name = ""


class Case(Read):
    """One case, with a verdict for each requirement and condition in their order."""

    run: int = Field(ge=0)
    verdict: Verdict
    parameters: Numbers = Field(default={}, max_length=32)
    requirements: list[Judged] = Field(max_length=MOST_REQUIREMENTS)
    validity: list[Judged] = Field(default=[], max_length=MOST_REQUIREMENTS)


class Header(Read):
    """What was run."""

    scenario: Word
    title: Name = ""
    mode: Word
    began: Instant
    under_test: Name = ""
    hashes: dict[Name, Name] = Field(default={}, max_length=100)
    seeds: dict[Name, Annotated[int, Field(ge=-(2**63), lt=2**63)]] = Field(default={}, max_length=100)
    versions: dict[Name, Name] = Field(default={}, max_length=100)


class Document(Read):
    """`verdict.json` of a run: what it says of the whole must follow from its cases."""

    format: Literal["chelu.scenario.verdict/1"]
    header: Header
    verdict: Verdict
    requirements: list[Described] = Field(min_length=1, max_length=MOST_REQUIREMENTS)
    validity: list[Described] = Field(default=[], max_length=MOST_REQUIREMENTS)
    each: list[Case] = Field(min_length=1, max_length=MOST_CASES)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for case in self.each:
            if len(case.requirements) != len(self.requirements) or len(case.validity) != len(self.validity):
                raise ValueError(f"case {case.run}: a verdict for each requirement and each validity condition, in their order")
            if case.verdict != worst([one.verdict for one in case.requirements]):
                raise ValueError(f"case {case.run}: verdict = {case.verdict}, the worst of its requirements'")
        if self.verdict != worst([case.verdict for case in self.each]):
            raise ValueError(f"verdict = {self.verdict}, the worst of its cases'")
        return self


class NewRun(Model):
    """A run to be kept. build: of what is tested, as its team calls it; evidence: where the report and the recordings are."""

    build: Name = Field("", examples=["firmware 2.1"])
    evidence: Annotated[Name, Field(examples=["https://ci.example/1234/evidence"])] = ""
    document: Document


class Requirement(Model):
    """What became of a requirement in all cases, and the one with the least margin of those that came out worst."""

    title: str
    metric: str
    unit: str
    of: list[str]
    clause: str
    outcomes: dict[Verdict, int] = Field(examples=[{"pass": 11, "fail": 1}])
    value: float | str | None
    limit: float | str | None
    margin: float | str | None
    case: int


class Run(Model):
    """A run that is kept; its whole document is below `/document`."""

    run_id: int
    site_id: str
    kept: datetime.datetime
    kept_by: str
    began: datetime.datetime
    scenario: str
    title: str
    mode: str
    under_test: str
    build: str
    evidence: str
    verdict: Verdict
    cases: int
    outcomes: dict[Verdict, int] = Field(examples=[{"pass": 11, "fail": 1}])
    requirements: list[Requirement]
    hashes: dict[str, str]
    seeds: dict[str, int]
    versions: dict[str, str]


class RunPage(Model):
    """Runs, the newest first; `next` is the `before` of the next page, null on the last."""

    runs: list[Run]
    next: int | None


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Of some; without any, nothing has passed."""
    return max(verdicts, key=RANK.__getitem__, default=Verdict.SKIPPED)


def summary(document: Document) -> list[Requirement]:
    """Each requirement over all cases."""
    found = []
    for index, about in enumerate(document.requirements):
        judged = [case.requirements[index] for case in document.each]
        case = max(range(len(judged)), key=lambda row: (RANK[judged[row].verdict], -_size(judged[row].margin), -row))
        one = judged[case]
        found.append(
            Requirement(
                **{name: getattr(about, name) for name in ("title", "metric", "unit", "of", "clause")},
                outcomes=dict(Counter(one.verdict for one in judged)),
                value=one.value,
                limit=one.limit,
                margin=one.margin,
                case=document.each[case].run,
            )
        )
    return found


def _size(margin: Number) -> float:
    return float("inf") if margin is None else float(margin)

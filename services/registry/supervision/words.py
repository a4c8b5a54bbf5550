"""What a vehicle says of how it drives, on ``mode/up``, read and checked; docs/formats/mode.md. Pure."""

from __future__ import annotations

import enum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chelu.errors import MalformedError, plainly
from chelu.messages import DropReason

MOST_FAULTS = 50
LAST_US = 4_102_444_800_000_000


class Mode(enum.StrEnum):
    """Who drives."""

    MANUAL = "manual"
    ASSISTED = "assisted"
    AUTOMATED = "automated"
    REMOTE = "remote"
    OFF = "off"  # nobody: the last word before it is switched off; its time counts for nothing


class Cause(enum.StrEnum):
    """Who, or what, made the mode change."""

    PLANNED = "planned"  # the drive's plan had it so
    DRIVER = "driver"  # the one on board took over
    OPERATOR = "operator"  # a remote one took over
    SYSTEM = "system"  # the system gave up
    STOP = "emergency stop"


class Severity(enum.StrEnum):
    """How bad a fault is."""

    NOTE = "note"
    WARNING = "warning"
    SEVERE = "severe"


def _printable(text: str) -> str:
    if not text.isprintable():  # a NUL, for one, cannot be stored
        raise ValueError("only printable characters")
    return text


Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]


class _Word(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class VehicleFault(_Word):
    """Something that does not work."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_printable)]
    severity: Severity = Severity.WARNING
    text: Text = ""


class ModeWord(_Word):
    """How a vehicle drives at an instant: said at every change, and at least every ten seconds while it is on."""

    time_us: Annotated[int, Field(ge=0, le=LAST_US)]
    mode: Mode
    cause: Cause | None = None
    reason: Text = ""
    in_odd: bool | None = None
    faults: Annotated[tuple[VehicleFault, ...], Field(max_length=MOST_FAULTS)] = ()
    odometer_m: Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)] | None = None
    speed_mps: Annotated[float, Field(ge=-50, le=150, allow_inf_nan=False)] | None = None
    latitude_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude_deg: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None

    def fault_rows(self) -> list[dict[str, Any]]:
        """The faults as JSON has them, in the order of their codes."""
        return [fault.model_dump(mode="json") for fault in sorted(self.faults, key=lambda fault: fault.code)]


def read_word(payload: bytes) -> ModeWord:
    """Raises MalformedError that names the field, the value and what is allowed."""
    try:
        return ModeWord.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "(document)"
        reason = DropReason.UNDECODABLE if first["type"].startswith("json") else DropReason.OUT_OF_RANGE
        raise MalformedError(reason, f"{where} = {first.get('input')!r:.80} is not allowed: {plainly(first['msg'])}") from None

"""What the API takes and gives of emergency stops."""

from __future__ import annotations

import datetime

from pydantic import Field, field_validator

from services.registry.models import Model, Name


class Press(Model):
    """An emergency stop of a whole site."""

    reason: Name = Field("", examples=["a person on the oval"])


class Release(Model):
    """The end of an emergency stop."""

    note: Name = Field(description="why the site may go on", examples=["the oval is clear"])

    @field_validator("note")
    @classmethod
    def _says_something(cls, note: str) -> str:
        if not note.strip():
            raise ValueError("a sentence: why the site may go on")
        return note


class StopDevice(Model):
    """What one device has done about a stop. States are those of orders: applied means that it says that it has done it."""

    device_id: str
    kind: str
    vehicle: str | None = Field(description="that it is, or is on")
    state: str = Field(description="of the order to stop", examples=["applied"])
    told: datetime.datetime | None = Field(description="when the broker had it, or it answered")
    answered: datetime.datetime | None
    attempts: int
    detail: str = Field(description="what it says, when it could not")
    release_state: str | None = Field(description="of the order to go on; null: there is none")


class Stop(Model):
    """An emergency stop; in force until it is released."""

    stop_id: int
    site_id: str
    reason: str
    pressed: datetime.datetime
    pressed_by: str
    presses: int = Field(description="how often it was pressed while it was in force")
    released: datetime.datetime | None
    released_by: str | None
    release_note: str | None
    devices: int = Field(description="that were told; a vehicle that never spoke for itself counts with its OBU")
    answered: int = Field(description="of these, those that say that they have stopped")
    going: int = Field(description="after its release: those that say that they have gone on")


class StopDetail(Stop):
    """A stop with its devices, those without an answer first."""

    silent: list[StopDevice] = Field(description="have not said that they have stopped: go and look")
    stopped: list[StopDevice]
    unreachable: list[str] = Field(
        description="vehicles that no order can reach, so go and look, too: their gateway speaks for them and hands no order on, "
        "or they have neither a credential nor a device on them"
    )


class StopState(Model):
    """Whether a site is stopped."""

    in_force: Stop | None

"""Which device is under test in a run with hardware in the loop, and how it is reached; docs/dut.md says what it must do."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from chelu.coop.catalogue import Direction, check, types
from chelu.endpoint import host_and_port
from chelu.errors import NotAllowedError
from simulators.scenario.names import unknown
from simulators.scenario.parts import Name, Part, wrong

DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def _endpoint(value: str) -> str:
    host_and_port(value)
    return value


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class OverMqtt(Part):
    """Over the site's broker. device: its id in the register; one that warns is registered for the actor without one."""

    device: DeviceId | None = None


class OverUdp(Part):
    """Without a broker: the rig sends frames and commands to `hears`, the device sends its answers and warnings to `says`."""

    hears: Endpoint
    says: Endpoint


class Area(Part):
    """What a roadside unit is to see: everybody within a distance of where it stands, in the road's own metres."""

    x_m: Annotated[float, Field(ge=-100_000, le=100_000)] = 0.0
    y_m: Annotated[float, Field(ge=-100_000, le=100_000)] = 0.0
    within_m: Annotated[float, Field(gt=0, le=1000)] = 150.0


def said_by(direction: Direction) -> tuple[str, ...]:
    """The types of cooperation's messages that devices, or the roadside, may say."""
    return tuple(name for name, (_, whose) in types().items() if whose in {direction, Direction.BOTH})


class Saying(Part):
    """A message of cooperation that the rig says to the device in the roadside's place.

    says: its `type`; with: its fields, but `type`, `seqNum`, `time_us` and `answers`, which the rig fills in. at_s: when; or so
    long (after_s) after each message of the type `answers` that the device says.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True)

    says: str
    fields: Annotated[dict[str, Any], Field(alias="with")] = Field(default_factory=dict)
    at_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    answers: str | None = None
    after_s: Annotated[float, Field(ge=0, le=60)] = 0.0

    @model_validator(mode="after")
    def _can_be_said(self) -> Self:
        for key, given, direction in (("says", self.says, Direction.DOWN), ("answers", self.answers, Direction.UP)):
            if given is not None and given not in said_by(direction):
                raise wrong(key, unknown("message", given, said_by(direction)))
        if (self.at_s is None) == (self.answers is None):
            raise ValueError("exactly one of at_s and answers")
        if "after_s" in self.model_fields_set and self.answers is None:
            raise wrong("after_s", "nothing: it goes with answers")
        names_a_request = types()[self.says][0].model_fields.get("answers")
        if self.answers is None and names_a_request is not None and names_a_request.is_required():
            raise wrong("at_s", f"answers: {self.says} names the message that it answers")
        if own := {"type", "seqNum", "time_us", "answers"} & set(self.fields):
            raise wrong("with", f"no {', '.join(sorted(own))}: the rig fills that in")
        try:
            check(self.document(number=0, time_us=0, answers=0), Direction.DOWN)
        except NotAllowedError as error:
            raise wrong("with", f"the fields of {self.says} (docs/formats/coop.md): {error}") from None
        return self

    def document(self, *, number: int, time_us: int, answers: int) -> dict[str, Any]:
        """As it is said: answers is left out where the message has no such field."""
        found = {"type": self.says, "seqNum": number, "time_us": time_us, **self.fields}
        return {**found, "answers": answers} if "answers" in types()[self.says][0].model_fields else found


class DeviceUnderTest(Part):
    """What the device is, which actor it stands for (the one under test, if none is named), and how it is reached.

    kind: it `warns`; `sees` as a roadside unit what is in its `area`; `drives` the actor; or switches `signals` (all, if none are
    named). Those that decide are asked every
    `every_s`, at each step of the engine if not given: the scenario's time waits for their answer, or is `real` and goes on.
    ready_s: how long it may take to be there; silent_s: how long it may answer nothing until it counts as away; when_away:
    whether that makes a run an error, which is not judged, or is a failure of the device. told: what the rig says to one that
    cooperates.
    """

    kind: Literal["warns", "sees", "drives", "signals"] = "warns"
    actor: Name | None = None
    signals: tuple[Name, ...] = ()
    area: Area = Area()
    every_s: Annotated[float, Field(gt=0, le=10)] | None = None
    time: Literal["waits", "real"] = "waits"
    mqtt: OverMqtt | None = None
    udp: OverUdp | None = None
    ready_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    silent_s: Annotated[float, Field(ge=1.5, le=60)] = 3.0
    when_away: Literal["error", "fail"] = "error"
    told: tuple[Saying, ...] = ()

    @model_validator(mode="after")
    def _speaks_one_way(self) -> Self:
        if (self.mqtt is None) == (self.udp is None):
            raise ValueError("exactly one of mqtt and udp")
        if self.kind != "warns" and self.mqtt is not None and self.mqtt.device is None:
            raise ValueError(f"mqtt: {{device: ID}}: one that {self.kind} is registered before, as what it is")
        if self.mqtt is not None and any(one.answers is not None for one in self.told):
            raise wrong("told", "sayings with at_s: over the broker it is the platform that answers")
        return self

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        if not self.decides and (self.every_s is not None or self.time == "real"):
            raise ValueError("every_s and time go with a kind that decides: drives or signals")
        if self.signals and self.kind != "signals":
            raise ValueError("signals go with the kind of that name")
        if self.kind != "sees" and "area" in self.model_fields_set:
            raise wrong("area", "nothing: it goes with the kind sees")
        if self.kind == "sees" and self.actor is not None:
            raise wrong("actor", "nothing: one that sees is no actor")
        if self.told and self.kind != "warns":
            raise wrong("told", "nothing: messages of cooperation are for one that warns")
        return self

    @property
    def called(self) -> str:
        """What it is called in evidence: its id in the register, or where it hears."""
        if self.udp is not None:
            return f"a device at {self.udp.hears}"
        return (self.mqtt.device if self.mqtt is not None else None) or "a device at the broker"

    @property
    def decides(self) -> bool:
        """Whether it is asked step by step what happens."""
        return self.kind in {"drives", "signals"}

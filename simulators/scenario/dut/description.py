"""Which device is under test in a run with hardware in the loop, and how it is reached; docs/dut.md says what it must do."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chelu.endpoint import host_and_port
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


class DeviceUnderTest(Part):
    """What the device is, which actor it stands for (the one under test, if none is named), and how it is reached.

    kind: it `warns`; `sees` as a roadside unit what is in its `area`; `drives` the actor; or switches `signals` (all, if none are
    named). Those that decide are asked every
    `every_s`, at each step of the engine if not given: the scenario's time waits for their answer, or is `real` and goes on.
    ready_s: how long it may take to be there; silent_s: how long it may answer nothing until it counts as away; when_away:
    whether that makes a run an error, which is not judged, or is a failure of the device.
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

    @model_validator(mode="after")
    def _speaks_one_way(self) -> Self:
        if (self.mqtt is None) == (self.udp is None):
            raise ValueError("exactly one of mqtt and udp")
        if self.kind in {"warns", "sees"} and (self.every_s is not None or self.time == "real"):
            raise ValueError("every_s and time go with a kind that decides: drives or signals")
        if self.signals and self.kind != "signals":
            raise ValueError("signals go with the kind of that name")
        if self.kind != "sees" and "area" in self.model_fields_set:
            raise wrong("area", "nothing: it goes with the kind sees")
        if self.kind == "sees" and (self.mqtt is not None or self.actor is not None):
            raise wrong(
                "mqtt" if self.mqtt is not None else "actor", "nothing: one that sees is reached over udp, and is no actor"
            )
        if self.decides and self.mqtt is not None and self.mqtt.device is None:
            raise ValueError("mqtt: {device: ID}: one that decides is registered before, as what it is")
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

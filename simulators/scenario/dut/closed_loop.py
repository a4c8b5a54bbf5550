"""Runs a scenario in which a device decides: it drives an actor or switches signals, and everybody else reacts to that.

There is no air and no site's roads: the rig is where the device is asked. Over MQTT the device hangs on the gateway `SITE-track`
meanwhile, as on the track.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chelu.errors import UnreachableError
from simulators.scenario.cases import Cases
from simulators.scenario.deciding.piloting import pilot_of
from simulators.scenario.description import Description
from simulators.scenario.devices import Kind
from simulators.scenario.dut.at_broker import at_broker
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.deciding import Questions, RemoteController, RemoteFunction
from simulators.scenario.dut.dialogue import Dialogue, NotThereError
from simulators.scenario.dut.links import HubLink, Link, UdpLink
from simulators.scenario.dut.said import People
from simulators.scenario.engine import simulate
from simulators.scenario.interrupting import Interrupt
from simulators.scenario.joining import joined
from simulators.scenario.plan import Plan, plan
from simulators.scenario.platform import until
from simulators.scenario.trace import Trace
from simulators.scenario.track.hub import BrokerHub, filters

NOBODY = People({}, {}, 0)  # it names nobody


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of one run. rig: what `simulators.scenario.metrics.device` measures; is_last: whether no other is to be begun."""

    trace: Trace
    rig: Mapping[str, float]
    is_last: bool = False


def decided(description: Description, cases: Cases, bench: Bench) -> Trace:
    """Every case with the device deciding in it, one after the other.

    A device that does not come, a broker that is lost or Ctrl-C end the matter: what was driven until then is kept; it and the
    cases after it are not judged.
    """
    each: list[Decided] = []
    with _link(bench) as (link, device), Interrupt() as interrupt:
        for case in range(len(cases)):
            one = _run(description, cases.take(np.array([case])), case, Company(link, device, bench, interrupt))
            each.append(one)
            if one.is_last:
                break
    left = range(len(each), len(cases))
    each += [_nobody(plan(description, cases.take(np.array([case])))) for case in left]
    rig = {key: np.array([one.rig[key] for one in each]) for key in each[0].rig}
    return replace(joined([one.trace for one in each]), rig=rig)


@dataclass(frozen=True, slots=True)
class Company:
    """With whom a run is driven."""

    link: Link
    device: str
    bench: Bench
    interrupt: Interrupt


def _run(description: Description, cases: Cases, case: int, company: Company) -> Decided:
    made, bench, device = plan(description, cases), company.bench, company.bench.device
    talk = Dialogue(company.link, bench.clock, NOBODY, device=company.device)
    try:
        talk.await_ready(_about(description, case), device.ready_s)
    except (NotThereError, UnreachableError) as error:
        bench.say(str(error))
        return replace(_nobody(made), is_last=True)
    total_s = description.end.after_s
    questions = Questions(
        talk,
        bench.clock,
        company.interrupt,
        silent_s=device.silent_s,
        is_real=device.time == "real",
        tell=lambda time_s: bench.tell(time_s / total_s, case),
    )
    trace = until(simulate(made, pilot=_pilot(made, questions, bench)), questions.away_s)
    if company.interrupt.is_asked:
        bench.say(f"interrupted in run {case}: it and what would have come after it are not judged")
    elif np.isfinite(questions.away_s):
        bench.say(f"{company.device} is away since {questions.away_s:.2f} s of run {case}")
    else:
        talk.end(device.silent_s)
    trace = replace(trace, broken=("interrupted",)) if company.interrupt.is_asked else trace
    return Decided(trace, _rig(talk, questions, company.link), is_last=company.interrupt.is_asked)


def _about(description: Description, case: int) -> dict[str, Any]:
    found = {"scenario": description.scenario, "run": case, "step_s": description.step_s}
    if description.switched():
        return {**found, "signals": list(description.switched())}
    return {**found, "actor": description.actor_of_device()}


def _pilot(made: Plan, questions: Questions, bench: Bench) -> Any:
    if bench.device.kind == "drives":
        return pilot_of(made, Kind.DRIVES, RemoteFunction(questions))
    return pilot_of(made, Kind.SIGNALS, RemoteController(questions, made.description.switched()))


def _rig(talk: Dialogue, questions: Questions, link: Link) -> dict[str, float]:
    return {
        "lag_s": questions.lag_s if link.is_whole else np.inf,
        "device_absence_s": talk.absence_s,
        "unreadable_messages": float(len(talk.unreadable)),
        "clock_offset_s": talk.clock_offset_s,
        "device_answer_s": talk.slowest_s or np.nan,
    }


def _nobody(made: Plan) -> Decided:
    """A run that never began: everybody is where they would have begun."""
    rig = dict.fromkeys(("lag_s", "unreadable_messages", "clock_offset_s", "device_answer_s"), np.nan)
    return Decided(until(simulate(made), 0.0), {**rig, "device_absence_s": np.inf})


@contextmanager
def _link(bench: Bench) -> Iterator[tuple[Link, str]]:
    """A way to the device, and what it is called."""
    if bench.device.udp is not None:
        with UdpLink(bench.device.udp.hears, bench.device.udp.says, bench.clock) as link:
            yield link, f"at {bench.device.udp.hears}"
        return
    name = bench.device.called
    with at_broker(bench, lambda record: filters({name: record.kind})) as found:
        yield HubLink(BrokerHub(found.session, {name: found.record.kind}), found.session, name), name

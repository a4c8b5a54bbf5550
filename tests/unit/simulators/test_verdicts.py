from __future__ import annotations

from chelu.clock import VirtualClock
from simulators.fleet import fleet_of
from simulators.judge import Expectation, Outcome
from simulators.received import Party, ReceivedWarning
from simulators.replay import Options, Replay
from simulators.verdicts import verdicts, warned
from tests.unit.simulators.parts import START_US, JsonEncoder, MemorySession, driving


def test_warnings_are_judged_by_actors_names_on_the_scenes_clock() -> None:
    scene = driving(2.0, begin_ms=7000)
    fleet = fleet_of(scene, "site")
    clock = VirtualClock(START_US)
    report = Replay(scene, fleet, [MemorySession(clock)], JsonEncoder(), clock=clock, options=Options(speed=4.0)).run()
    one, two = (Party(name, int(number)) for name, number in zip(fleet.obu_ids, fleet.vehicle_ids, strict=True))

    def warning(state: str, event_time_us: int, other: Party) -> ReceivedWarning:
        return ReceivedWarning("d", "w", "fcw", state, one, other, event_time_us, 0, None, {})

    at = report.event_from_us + 1_500_000
    report.warnings = [warning("raised", at, two), warning("updated", at, two), warning("raised", at, Party("site-rsu", None))]
    found = warned(report, scene, fleet)
    assert [(item.host, item.other, item.time_s) for item in found] == [
        ("a0", "a1", 8.5),
        ("a0", "somebody seen by site-rsu", 8.5),
    ]
    wanted = Expectation("brake", "fcw", "a0", "a1", 8.0, 9.0)
    assert [verdict.outcome for verdict in verdicts([wanted], report, scene, fleet)] == [Outcome.MET]

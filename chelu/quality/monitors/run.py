"""All monitors over what was heard, an hour at a time: the same windows live, stored and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from chelu.quality.monitors.assessments import DAY_US, HOUR_US, Hours, Tally, add, hours
from chelu.quality.monitors.catalogue import MONITORS
from chelu.quality.monitors.events import Event, events
from chelu.quality.monitors.judged import Subject
from chelu.quality.monitors.junctions import Junction, Node
from chelu.quality.monitors.monitor import Assessed, Monitor
from chelu.quality.monitors.notifications import Notification, notifications
from chelu.quality.monitors.window import Begin, Heard, Window, at_once, window

Stream = tuple[str, int, int, int]  # kind, device, region, node
MOST_EVENTS = 1000  # of one monitor and window that are kept; the others are counted in the assessment


@dataclass(slots=True)
class Known:
    """What is carried from window to window: maps, and streams that have been there and are expected."""

    junctions: dict[Node, Junction] = field(default_factory=dict)
    heard_us: dict[Stream, int] = field(default_factory=dict)  # when each was heard last

    def learn(self, seen: Window) -> None:
        """What a window told."""
        self.junctions |= seen.junctions
        for signal in seen.signals:
            self._hear(("spat", signal.device_key, *signal.junction), int(signal.time_us[-1]))
        for one in seen.maps:
            if len(one.time_us) >= 3:
                self._hear(("map", one.device_key, *one.junction), int(one.time_us[-1]))

    def expected(self, at_us: int) -> frozenset[Stream]:
        """The streams that were heard within a day; what is silent for longer has been taken away."""
        return frozenset(stream for stream, heard_us in self.heard_us.items() if at_us - heard_us <= DAY_US)

    def _hear(self, stream: Stream, at_us: int) -> None:
        self.heard_us[stream] = max(at_us, self.heard_us.get(stream, at_us))


@dataclass(slots=True)
class Report:
    """What came of a run: events, and tallies by monitor, subject and hour."""

    parameters: Mapping[str, Assessed]
    events: list[Event] = field(default_factory=list)
    hours: dict[str, Hours] = field(default_factory=dict)
    unkept: int = 0  # events beyond `MOST_EVENTS`

    def add(self, name: str, begun: Sequence[Event], unkept: int, tallies: Hours) -> None:
        """Take in what a monitor said of a window."""
        self.events += begun
        self.unkept += unkept
        add(self.hours.setdefault(name, {}), tallies)

    def notifications(self) -> list[Notification]:
        """The bad hours."""
        return notifications(self.hours, self.parameters)

    def of_monitor(self, name: str) -> Tally:
        """All of one monitor's subjects and hours together."""
        return sum(self.hours.get(name, {}).values(), Tally())

    def subjects(self, name: str) -> list[Subject]:
        """Of whom a monitor said something."""
        return sorted({subject for subject, _ in self.hours.get(name, {})})


def stretches(from_us: int, to_us: int, *, length_us: int = HOUR_US) -> Iterator[tuple[int, int]]:
    """[from, to) cut at whole hours of the clock (or multiples of another length)."""
    begin = from_us
    while begin < to_us:
        end = min(to_us, (begin // length_us + 1) * length_us)
        yield begin, end
        begin = end


def look(seen: Window, report: Report, monitors: Sequence[Monitor] = MONITORS, begin: Begin = at_once) -> None:
    """Let monitors judge a window. The report is added to in their order, whichever of them is done first."""
    said = [begin(partial(_judged, monitor, seen, report.parameters[monitor.name])) for monitor in monitors]
    for monitor, result in zip(monitors, said, strict=True):
        report.add(monitor.name, *result())


def _judged(monitor: Monitor, seen: Window, parameters: Assessed) -> tuple[list[Event], int, Hours]:
    found = monitor.judge(seen, parameters)
    begun, unkept = events(monitor.name, found, seen.from_us, seen.to_us, apart_s=monitor.apart_s, most=MOST_EVENTS)
    return begun, unkept, hours(found, seen.from_us, seen.to_us)


def run(
    heard: Heard,
    parameters: Mapping[str, Assessed],
    *,
    from_us: int,
    to_us: int,
    monitors: Sequence[Monitor] = MONITORS,
    known: Known | None = None,
    on_window: Callable[[int], None] = lambda _: None,
    begin: Begin = at_once,
) -> Report:
    """All monitors over [from, to). on_window hears up to which instant is done."""
    known, report = known or Known(), Report(parameters)
    for first, behind in stretches(from_us, to_us):
        seen = window(heard, first, behind, junctions_before=known.junctions, known=known.expected(first), begin=begin)
        look(seen, report, monitors, begin)
        known.learn(seen)
        on_window(behind)
    return report

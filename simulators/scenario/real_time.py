"""Runs that take their time: through the platform, or with a device in the loop; the rig has to keep up, or nothing is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from chelu.local.files import environment
from simulators.scenario.cases import Cases
from simulators.scenario.course import awaited
from simulators.scenario.description import Description
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.closed_loop import decided
from simulators.scenario.dut.conditions import requirements_of, validity_of
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.dut.driving import driven as driven_with_device
from simulators.scenario.dut.seeing import seen
from simulators.scenario.judging import judge_driven
from simulators.scenario.platform import driven
from simulators.scenario.progress import triggers_of
from simulators.scenario.progress_bar import bar
from simulators.scenario.requirements import Validity
from simulators.scenario.running_options import Options
from simulators.scenario.trace import Trace
from simulators.scenario.values import values
from simulators.scenario.verdict import Verdicts

MOST_LAG_S = 0.25  # later than that a busy machine decides, not what is tested
MOST_CASES = 1000
SECONDS_PER_HOUR = 3600.0
MOST_PASSING = 1000  # vehicles of the traffic that are registered because any of them may come near
LAG = Validity.model_validate({"name": "the rig keeps up", "metric": "lag_s", "at_most": MOST_LAG_S})


@dataclass(frozen=True, slots=True)
class Ran:
    """The verdicts of all cases, and the traces of those that are looked at: rows `shown` of the cases."""

    verdicts: Verdicts
    trace: Trace
    shown: Sequence[int]


def through_platform(options: Options, description: Description, cases: Cases, console: Console) -> Ran:
    """Every case over the broker of a site; what its actors are told decides."""
    check_speakable("--through-platform", description, cases)
    with _shares(console) as tell:
        trace = driven(description, cases, _site(options, description), SystemClock(), environment(options.data), tell)
    _say_why(trace, console)
    verdicts = judge_driven(trace, description, rig=(LAG,))
    return Ran(verdicts, trace, range(len(cases)))


def in_the_loop(options: Options, description: Description, cases: Cases, console: Console) -> Ran:
    """Every case with the device in the loop; what it warns of decides."""
    if description.dut is None:
        raise ConfigurationError("dut", None, "a scenario says which device is under test: docs/dut.md")
    check_speakable("--in-the-loop", description, cases, description.dut)
    names = list(description.actors)
    with _shares(console) as tell:
        bench = Bench(
            device=description.dut,
            actor=names.index(description.actor_of_device()) if description.dut.kind in {"warns", "drives"} else 0,
            unheard=[names.index(name) for name in description.radio.unheard],
            site=_site(options, description),
            clock=SystemClock(),
            environ=environment(options.data),
            tell=lambda share, run: tell((run + share) / len(cases)),
            say=lambda text: console.print(text, markup=False, soft_wrap=True),
        )
        trace = _DRIVES[description.dut.kind](description, cases, bench)
    validity = validity_of(description.dut)
    verdicts = judge_driven(trace, description, requirements_of(description.dut), validity, rig=(LAG,))
    return Ran(verdicts, trace, range(len(cases)))


_DRIVES: Mapping[str, Callable[[Description, Cases, Bench], Trace]] = {
    "warns": driven_with_device,
    "sees": seen,
    "drives": decided,
    "signals": decided,
}


def check_speakable(option: str, description: Description, cases: Cases, device: DeviceUnderTest | None = None) -> None:
    """ConfigurationError for too many cases, and for what nobody would say in such a run: it is not left out in silence."""
    if len(cases) > MOST_CASES:
        raise ConfigurationError(option, f"{len(cases):,} cases", f"at most {MOST_CASES:,}: each takes its time")
    _check_traffic(option, description, cases)
    if device is None or device.kind == "warns":
        return
    if device.kind == "sees" and ({"loss", "latency_s"} & description.radio.model_fields_set):
        raise ConfigurationError(
            option, "radio: loss, latency_s", "a scenario without them: one that sees hears what there is to be heard"
        )
    waits = [f"warned: {one.warned.application}" for one, _ in triggers_of(description) if one.warned is not None]
    told = () if device.kind == "sees" else description.road.told  # it is the one that tells
    if found := [*waits, *told]:
        allowed = f"a scenario without warned and told: with one that {device.kind} nobody warns or tells of anything"
        raise ConfigurationError(option, ", ".join(found), allowed)


def _check_traffic(option: str, description: Description, cases: Cases) -> None:
    """ConfigurationError for more than can be registered, where it hangs on what actors do who of them comes near."""
    traffic = description.traffic
    if traffic is None or traffic.unheard or not awaited(description):
        return
    lasts_s = traffic.warm_up_s + description.end.after_s
    coming = float(values(traffic.vehicles_per_hour, cases.columns, len(cases)).max()) * lasts_s / SECONDS_PER_HOUR
    if coming > MOST_PASSING:
        allowed = f"at most {MOST_PASSING:,} while warm_up_s and the run last, where somebody waits for a warning"
        raise ConfigurationError(option, f"traffic of {coming:,.0f} vehicles", allowed)


def _say_why(trace: Trace, console: Console) -> None:
    """Why the first run that was broken off was."""
    for run, why in enumerate(trace.broken):
        if why:
            console.print(f"run {run} was broken off: {why}; what there is of it is kept", markup=False, soft_wrap=True)
            return


def _site(options: Options, description: Description) -> str:
    return options.site or f"scenario-{description.scenario}"[:24].rstrip("-")


@contextmanager
def _shares(console: Console) -> Iterator[Callable[[float], None]]:
    """A bar that is told the share that is done."""
    with bar(console, "driven", 1000) as advance:
        done = 0

        def tell(share: float) -> None:
            nonlocal done
            advance(round(share * 1000) - done)
            done = round(share * 1000)

        yield tell

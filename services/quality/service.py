"""The loop: a window of what was stored, all monitors over it site by site, and what they found into schema ``quality``.

A window is judged `settle_s` after its end, when what belongs to it has been stored. What a round found and up to where it came
are one transaction, so that a window is judged once, whatever happens to the process. One thread owns everything here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from psycopg import Connection

from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.parameters import read_site_values
from chelu.quality.monitors.assessments import DAY_US, HOUR_US, Hours
from chelu.quality.monitors.catalogue import BY_NAME, site_parameters
from chelu.quality.monitors.monitor import Assessed, Part
from chelu.quality.monitors.notifications import of_quiet_days, settled
from chelu.quality.monitors.run import Known, Report, look
from chelu.quality.monitors.window import Heard, window
from chelu.store import Database, failures
from chelu.units import US_PER_S
from services.quality import writing
from services.quality.settings import QualitySettings
from services.quality.stored import Site, Store, of_site

log = logging.getLogger(__name__)
GRID_US = 10 * US_PER_S  # windows begin and end on whole stretches of the monitors' clock
SHORTEST_US = 60 * US_PER_S  # to which one is shortened that has too much in it
LONGEST_US = 600 * US_PER_S  # of one window, when there is much to make up for
CLOCK_S = 1.0


class Quality:
    """`run` until told to stop; `round` is the work, for whoever wants it now."""

    def __init__(self, settings: QualitySettings, database: Database, clock: Clock) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._values = read_site_values(settings.parameters_file)
        for site, values in self._values.items():  # what is wrong with them is said at the start, and not a round after another
            site_parameters(values, where=f"parameters_file, site {site}")
        self._known: dict[str, Known] = {}
        self._hours: dict[str, dict[str, Hours]] = {}
        self._connection: Connection[Any] | None = None
        self._store: Store | None = None
        self._trouble = ""

    def open(self) -> None:
        """Wait for the database and prepare its schema; raises when it stays away."""
        self._database.wait(timeout_s=self._settings.wait_s, clock=self._clock)
        with self._database.connect(autocommit=True) as connection, failures(self._database.url, "preparing schema quality"):
            writing.prepare(connection)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Round after round."""
        due_s = 0.0
        while not is_stopping():
            if self._clock.monotonic_s() >= due_s:
                is_behind = self._attempt()
                due_s = self._clock.monotonic_s() + (0.0 if is_behind else self._settings.period_s)
            else:
                self._clock.sleep(CLOCK_S)
        self.close()

    def close(self) -> None:
        """Give back the connection; another round opens one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._store = None

    def round(self) -> tuple[int, int] | None:
        """Judge the next window and give it, or None when none is over yet. Raises as `Database` does."""
        with failures(self._database.url, "a round of the monitors"):
            connection, store = self._opened()
            now_us = self._clock.wall_us()
            done_us = writing.through_us(connection)
            begin_us = now_us - round(self._settings.first_s * US_PER_S) if done_us is None else done_us
            from_us = begin_us // GRID_US * GRID_US
            to_us = (now_us - round(self._settings.settle_s * US_PER_S)) // GRID_US * GRID_US
            to_us = min(to_us, from_us + LONGEST_US)
            if to_us <= from_us:
                return None
            while to_us - from_us > SHORTEST_US and store.is_too_much(from_us, to_us):
                to_us = from_us + max(SHORTEST_US, (to_us - from_us) // 2 // GRID_US * GRID_US)
            left_out, heard = store.left_out, store.heard(from_us, to_us)
            if store.left_out > left_out:
                text = "%d BSMs of %d s are not judged: more than most_rows = %d"
                log.warning(text, store.left_out - left_out, (to_us - from_us) // US_PER_S, self._settings.most_rows)
            with connection.transaction():
                for site in store.sites():
                    self._judge(connection, store, site, of_site(heard, site), (from_us, to_us))
                writing.end_stale(connection, from_us - DAY_US)
                writing.write_progress(connection, to_us)
                writing.forget(connection, now_us - self._settings.keep_days * DAY_US)
        return from_us, to_us

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _attempt(self) -> bool:
        """One round; whether there is more to make up for."""
        try:
            span = self.round()
        except CheluError as error:  # it is tried again; said once while it stays the same
            if str(error) != self._trouble:
                log.warning("%s", error)
            self._trouble = str(error)
            self._forget_all()
            return False
        if self._trouble:
            log.info("the monitors go on")
        self._trouble = ""
        return span is not None and span[1] - span[0] >= LONGEST_US

    def _opened(self) -> tuple[Connection[Any], Store]:
        if self._connection is None or self._store is None or self._connection.closed:
            self._connection = self._database.connect(autocommit=True)
            self._store = Store(self._connection, self._settings.most_rows)
        return self._connection, self._store

    def _forget_all(self) -> None:
        """What is in memory may not be in the database: begin from there."""
        self.close()
        self._known, self._hours = {}, {}

    def _judge(self, connection: Connection[Any], store: Store, site: Site, heard: Heard, span: tuple[int, int]) -> None:
        from_us, to_us = span
        known = self._known.get(site.site_id) or self._remember(connection, store, site, from_us)
        parameters = site_parameters(self._values.get(site.site_id, {}), where=f"parameters_file, site {site.site_id}")
        seen = window(heard, from_us, to_us, junctions_before=known.junctions, known=known.expected(from_us))
        report = Report(parameters)
        look(seen, report)
        known.learn(seen)
        self._known[site.site_id] = known
        changed = self._together(site, report, from_us)
        writing.write_events(connection, site, report.events)
        writing.write_hours(connection, site, _worth_keeping(changed, parameters), parameters)
        told, over = settled(writing.standing(connection, site), changed, parameters)
        if from_us // DAY_US < to_us // DAY_US:
            day_us = from_us // DAY_US * DAY_US
            quiet = of_quiet_days(writing.hours_between(connection, site, day_us, day_us + DAY_US), parameters)
            told += settled((), quiet, parameters)[0]
        writing.write_notifications(connection, site, told, over)

    def _remember(self, connection: Connection[Any], store: Store, site: Site, from_us: int) -> Known:
        """What was known before this process began: a day's streams and maps, and the hour's tallies."""
        streams = writing.known_streams(connection, site, from_us - DAY_US)
        known = Known(heard_us={stream: min(hour_us + HOUR_US, from_us) for stream, hour_us in streams.items()})
        columns, contents = store.maps(from_us - DAY_US, from_us)
        before = of_site(Heard(map=columns, contents=contents), site)
        known.junctions = dict(window(before, from_us, from_us, lead_us=DAY_US).junctions)
        hour_us = from_us // HOUR_US * HOUR_US
        self._hours[site.site_id] = writing.hours_between(connection, site, hour_us, hour_us + HOUR_US)
        return known

    def _together(self, site: Site, report: Report, from_us: int) -> dict[str, Hours]:
        """The whole tallies, so far, of the hours and subjects that the window was about; hours that are over are let go."""
        whole = self._hours.setdefault(site.site_id, {})
        changed: dict[str, Hours] = {}
        for monitor, tallies in report.hours.items():
            mine = whole.setdefault(monitor, {})
            for key, tally in tallies.items():
                mine[key] = mine[key] + tally if key in mine else tally
                changed.setdefault(monitor, {})[key] = mine[key]
            for key in [key for key in mine if key[1] < from_us // HOUR_US * HOUR_US]:
                del mine[key]
        return changed


def _worth_keeping(hours: Mapping[str, Hours], parameters: Mapping[str, Assessed]) -> dict[str, Hours]:
    """All but places of which too little is known for a verdict: every vehicle has many."""
    return {
        monitor: {
            key: tally
            for key, tally in tallies.items()
            if BY_NAME[monitor].part is not Part.PLACE or tally.judged >= parameters[monitor].fewest
        }
        for monitor, tallies in hours.items()
    }

"""`chelu explain`: finds a warning in the database, replays it, and hands out its explanation."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import Connection

from chelu.store import Database, failures
from services.inference.chosen import chosen
from services.inference.explain import recorded as records
from services.inference.explain.evidence import Json
from services.inference.explain.explanation import Search, application_of, document
from services.inference.explain.pace import Pace, pace_of
from services.inference.explain.recorded import Recorded, Window
from services.inference.explain.rerun import Rerun
from services.inference.explain.warnings import NotKeptError, Stored, clock_of, find, newest
from services.inference.explain.who import Case
from services.inference.inbox import Inbox
from services.inference.making import site_of, tellers_of
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.parameters import read_site_values
from services.inference.register import Register, SiteValues, load
from services.inference.settings import InferenceSettings
from services.inference.site import Site

AFTER_US = 2_000_000
BEFORE_S = 30.0  # tracks keep 2.4 s; the lane one came from, and what its height is off, are learned before


@dataclass(frozen=True, slots=True)
class Request:
    """site: the warning must be of this one; before_s: so long before it the replay begins."""

    warning: str
    site: str | None
    before_s: float = BEFORE_S


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection[Any]]:
    """A connection in autocommit."""
    with Database(url, application="chelu explain").connect(autocommit=True) as connection, failures(url, "reading"):
        yield connection


def latest(url: str, site: str | None, application: str | None, count: int) -> list[Stored]:
    """The warnings raised last."""
    with connected(url) as connection:
        return newest(connection, site, application, count)


def explain(url: str, settings: InferenceSettings, request: Request) -> Json:
    """The explanation as JSON; the errors of `services.inference.explain.warnings` where there is none."""
    with connected(url) as connection:
        stored = find(connection, request.warning, request.site)
        register = load(connection)
        if stored.site_id not in register.sites:
            raise NotKeptError(stored.warning_id, f"its site {stored.site_id!r} is not registered any more")
        register = records.as_it_was(connection, register, stored.site_id, stored.raised.decided_us)
        fresh = _maker(stored, register, settings)
        window = _window(stored, request.before_s, fresh().parameters.weather.kept_s)
        recorded = records.read(connection, register, stored.site_id, window)
        pace = pace_of(records.decisions(connection, stored.site_id, window), recorded.streams, register)
    _check(stored, recorded, window)
    return _replayed(stored, register, recorded, window, Means(fresh, pace))


def _maker(stored: Stored, register: Register, settings: InferenceSettings) -> Callable[[], Site]:
    """Makes the site as inference does, with its settings of now."""
    try:
        application_of(stored.application)
    except KeyError:
        raise NotKeptError(stored.warning_id, f"this version has no application {stored.application!r}") from None
    entry, files = register.sites[stored.site_id], read_site_values(settings.parameters_file)
    parameters = chosen(stored.site_id, files, register.values.get(stored.site_id, SiteValues())).parameters
    model = OnnxMotionModel(settings.model_file or shipped()) if settings.use_model else None

    def fresh() -> Site:
        number = itertools.count()
        site = site_of(entry, parameters, model=model, new_id=lambda: f"replayed-{next(number)}")
        site.picture.tellers = tellers_of(register)
        return site

    return fresh


def _window(stored: Stored, before_s: float, weather_s: float) -> Window:
    decided_us = stored.raised.decided_us
    return Window(decided_us - round(before_s * 1e6), decided_us + AFTER_US, round(weather_s * 1e6))


def _check(stored: Stored, recorded: Recorded, window: Window) -> None:
    """NotKeptError where nothing is there that could be replayed."""
    rows = recorded.count()
    if not rows["bsm"] + rows["participant"]:
        span = f"{clock_of(window.from_us)} and {clock_of(window.to_us)} UTC"
        what = f"no message of site {stored.site_id!r} is stored that came between {span}"
        raise NotKeptError(stored.warning_id, f"{what}; CHELU_INGEST_KEEP_HOURS says for how long they are kept")


@dataclass(frozen=True, slots=True)
class Means:
    """What a replay is made with: sites that have heard nothing yet, and when inference read and evaluated."""

    fresh: Callable[[], Site]
    pace: Pace


def _replayed(stored: Stored, register: Register, recorded: Recorded, window: Window, means: Means) -> Json:
    """Once to see whether it is raised; where it is not, once more up to the instant at which it was."""
    entry, late_us = register.sites[stored.site_id], late_of(stored, register, recorded)
    search = Search(stored, register, entry, Case.of(stored.raised.detail, register))

    def rerun() -> Rerun:
        return Rerun(means.fresh(), stored.site_id, entry.frame, Inbox(register), recorded, means.pace)

    once = rerun()
    search.watch(once, window.from_us)
    if search.raised is not None:
        known = search.raised[1]
    else:
        again, decided_us = rerun(), stored.raised.decided_us
        for _ in again.run(again.pace.turns(window.from_us, stored.raised, decided_us)):
            pass
        evaluation = again.site.evaluated
        known = search.known(again, decided_us, search.case.finding(again.site, evaluation) if evaluation else None)
    found = document(stored, search, once, recorded.count(), known)
    found["replay"] |= {"is_cause_stored": late_us is not None, "read_later_than_stored_us": late_us}
    return found


def late_of(stored: Stored, register: Register, recorded: Recorded) -> int | None:
    """How much later than ingest inference read the message that caused the warning; None where that is not stored."""
    cause = stored.raised.detail["cause"]
    device = register.devices.get(cause["device_id"] or "")
    for rows in (recorded.streams[name] for name in ("bsm", "participant")):
        mine = (rows["time_us"] == cause["event_time_us"]) & (rows["message_count"] == cause["message_count"])
        mine &= rows["device_key"] == (device.key if device else 0)
        arrivals = rows["arrival_us"][np.flatnonzero(mine)]
        if len(arrivals):
            return int(cause["arrival_us"]) - int(arrivals[np.argmin(np.abs(arrivals - cause["arrival_us"]))])
    return None

"""The track's commands against a registry that is a function: times as they are typed, and what is printed."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner

from chelu import api
from chelu.cli import build
from chelu.errors import ConfigurationError
from services.registry.cli_track import instant

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-05-01T08:00", "Asia/Shanghai", "2026-05-01T00:00+00:00"),
        ("2026-05-01T08:00+01:00", "Asia/Shanghai", "2026-05-01T07:00+00:00"),
        ("2026-05-01T08:00Z", "Asia/Shanghai", "2026-05-01T08:00+00:00"),
        ("2026-03-29T01:59", "Europe/Berlin", "2026-03-29T00:59+00:00"),
        ("2026-03-29T03:00", "Europe/Berlin", "2026-03-29T01:00+00:00"),
        ("2026-10-25T02:00+02:00", "Europe/Berlin", "2026-10-25T00:00+00:00"),
        ("2026-10-25T02:00+01:00", "Europe/Berlin", "2026-10-25T01:00+00:00"),
        ("2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00+00:00"),
    ],
)
def test_a_time_is_that_of_the_sites_clocks(text: str, zone: str, utc: str) -> None:
    assert instant(text, zone, "--from") == datetime.datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    ("text", "zone", "why"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "clocks in Europe/Berlin are put forward over it"),
        ("2026-10-25T02:00", "Europe/Berlin", r"with its offset, \+0200 or \+0100: clocks in Europe/Berlin show it twice"),
        ("2026-10-25T02:59", "Europe/Berlin", "show it twice"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "show it twice"),
        ("tomorrow", "Asia/Shanghai", "a time such as 2026-05-01T08:00"),
    ],
)
def test_a_time_that_no_clock_shows_or_that_it_shows_twice_is_refused(text: str, zone: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        instant(text, zone, "--from")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs a command whose registry is a handler; answers its exit code and what it printed."""

    def run(handler: Handler, *arguments: str) -> tuple[int, str]:
        transport = httpx.MockTransport(handler)
        monkeypatch.setattr(api.Client, "find", lambda: api.Client("http://registry", "key", transport=transport))
        result = CliRunner().invoke(build(), arguments)
        return result.exit_code, result.output if result.exception is None else f"{result.output}{result.exception}"

    return run


SITE = {"site_id": "s", "latitude_deg": 0, "longitude_deg": 0, "time_zone": "Asia/Shanghai"}


def test_hours_are_counted_in_hours_and_not_by_the_clocks_hands(run: Callable[..., tuple[int, str]]) -> None:
    """Over the night in which Berlin's clocks are put forward, four hours end at six o'clock."""
    sent: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={**SITE, "time_zone": "Europe/Berlin"})
        sent.append(json.loads(request.content))
        return httpx.Response(201, json={**sent[-1], "booking_id": 1})

    code, output = run(handler, "track", "book", "oval", "crew", "--site", "s", "--from", "2026-03-29T01:00", "--hours", "4")
    assert (code, sent[0]["starts"], sent[0]["ends"]) == (0, "2026-03-29T01:00:00+01:00", "2026-03-29T06:00:00+02:00")
    assert "2026-03-29T06:00:00+02:00" in output
    for more in ([], ["--hours", "1", "--until", "2026-03-29T02:00"]):
        code, output = run(handler, "track", "book", "oval", "crew", "--site", "s", "--from", "2026-03-29T01:00", *more)
        assert (code, "--until, --hours" in output) == (1, True)


def test_a_stop_with_many_silent_devices_shows_some_and_fails(run: Callable[..., tuple[int, str]]) -> None:
    names = ("device_id", "kind", "vehicle", "state", "told", "attempts", "detail")
    silent = [dict.fromkeys(names, f"obu-{number}") for number in range(60)]
    stop = {"stop_id": 7, "site_id": "s", "released": None, "devices": 60, "answered": 0, "silent": silent, "stopped": []}
    code, output = run(lambda request: httpx.Response(200, json=stop), "stop", "show", "7", "--site", "s")
    assert code == 1
    assert "… and 10 more: --json has all" in output
    assert "60 of 60 devices have not said that they have stopped: go and look" in output
    assert re.search(r"^answered +0$", output, re.MULTILINE)
    code, _ = run(lambda request: httpx.Response(200, json={**stop, "released": "now"}), "stop", "show", "7", "--site", "s")
    assert code == 0, "what was released is over"
    code, output = run(lambda request: httpx.Response(200, json={"in_force": None}), "stop", "show", "--site", "s")
    assert (code, output.strip()) == (0, "s is not stopped")


def test_who_is_there_is_not_known_without_a_picture(run: Callable[..., tuple[int, str]]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        is_stop = request.url.path.endswith("/stop")
        return httpx.Response(200, json={"in_force": None} if is_stop else {"seen": None, "is_blind": True, "present": []})

    code, output = run(handler, "track", "now", "--site", "s")
    assert (code, "no picture of s comes: who is there is not known" in output) == (0, True)


@pytest.mark.parametrize(("modes", "shown"), [(["manual", "remote"], "manual, remote"), ([], "all")])
def test_a_permits_modes_are_shown_as_words(run: Callable[..., tuple[int, str]], modes: list[str], shown: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=SITE if request.method == "GET" else {**json.loads(request.content), "permit_id": 1})

    when = ("--from", "2026-05-01T08:00", "--hours", "1", *(word for mode in modes for word in ("--mode", mode)))
    code, output = run(handler, "permits", "give", "car", "oval", "--site", "s", *when)
    assert code == 0, output
    assert re.search(rf"^modes +{shown}$", output, re.MULTILINE), output


def test_vehicles_that_no_order_reaches_are_listed_apart_behind_those_that_can_be_told(
    run: Callable[..., tuple[int, str]],
) -> None:
    row = {"device_id": "obu-1", "kind": "obu", "vehicle": None, "state": "sent", "told": None, "attempts": 1, "detail": ""}
    beyond = [f"bus-{number:03}" for number in range(100)]
    stop = {"stop_id": 7, "site_id": "s", "released": None, "devices": 3, "answered": 2, "silent": [row], "stopped": []}
    code, output = run(lambda _: httpx.Response(200, json={**stop, "unreachable": beyond}), "stop", "show", "7", "--site", "s")
    assert code == 1
    assert "1 of 3 devices have not said that they have stopped" in output
    assert re.search(r"^unreachable: no order reaches these 100,", output, re.MULTILINE)
    assert output.index("obu-1") < output.index("unreachable: ") < output.index("bus-000") < output.index("bus-099")

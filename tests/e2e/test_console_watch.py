"""A scenario test watched in the console: live while it is paced, played from its rows afterwards; and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from chelu.codec import columns
from chelu.messages import Batch
from tests.e2e.console_place import Place, console_at
from tests.fix_browser import Looking
from tests.waiting import until

NEAR_M = 0.1  # what is shown and what is kept: a frame's time is told in milliseconds
LIVE, LOST, OVER = (f"[data-testid=going][data-state={state}]" for state in ("live", "lost", "over"))
VIEW = "[data-testid=top-view]"
SLIDER, STEP_S = "[data-testid=playback] input[type=range]", 0.02
SEEN = """() => {
    const view = document.querySelector('[data-testid=top-view]');
    const placed = [...view.querySelectorAll('[data-actor]')].map(({dataset: {actor, x, y}}) => [actor, [Number(x), Number(y)]]);
    return {time: Number(view.dataset.time), mode: view.dataset.mode, actors: Object.fromEntries(placed)};
}"""
LATER = "after => Number(document.querySelector('[data-testid=top-view]')?.dataset.time ?? 0) > after"
Sight = dict[str, Any]


@pytest.fixture(scope="module")
def place(looking: Looking, mosquitto: object, open_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site, with its administrator at the tests."""
    with console_at(open_directory / "watch", looking, tmp_path_factory.mktemp("watch")) as place:
        place.enter("scenarios")
        yield place


def run_paced(place: Place, scenario: str, **values: str) -> None:
    """Ask for a test at the clock's pace, and wait until it moves."""
    place.go("scenarios/new", scenario=scenario)
    place.looking.page.wait_for_selector(
        f"select[name=scenario] option:checked[value={scenario}]", state="attached", timeout=90_000
    )
    place.fill_in(".setting", **{f"set.{name}": value for name, value in values.items()}, pace="real")
    place.looking.page.wait_for_selector(f"{LIVE} {VIEW}", timeout=60_000)


def seen(place: Place, after_s: float) -> Sight:
    """What the page shows once its clock is past a time."""
    place.looking.page.wait_for_function(LATER, arg=after_s)
    found: Sight = place.looking.page.evaluate(SEEN)
    return found


def stop(place: Place) -> None:
    place.looking.page.click("button:text-is('Stop')")
    place.looking.page.wait_for_selector("[data-testid=test][data-state=stopped]")


def run_shown(place: Place) -> str:
    """The number of the run whose verdict is shown."""
    return str(place.looking.page.evaluate("window.location.hash")).partition("run-")[2].partition("?")[0]


def kept(place: Place, run: str) -> tuple[Batch, dict[str, Any]]:
    """The rows of its first case, as they are stored."""
    url = f"{place.url}/api/sites/hillside/runs/{run}/evidence/run-0.columns"
    key = place.site.layout.api_key.read_text().strip()
    return columns.unpack(httpx.get(url, headers={"Authorization": f"Bearer {key}"}).raise_for_status().content)


def assert_agrees(sight: Sight, table: Batch, names: list[str]) -> None:
    """Everybody stands where the rows have them at that time."""
    assert set(sight["actors"]) == set(names)
    for name, (x, y) in sight["actors"].items():
        own = table.take(np.flatnonzero(table["actor"] == names.index(name)))
        there = [float(np.interp(sight["time"], own["at_s"], own[axis])) for axis in ("x_m", "y_m")]
        assert np.hypot(x - there[0], y - there[1]) < NEAR_M, (name, sight)


@pytest.fixture(scope="module")
def live(place: Place) -> tuple[str, list[Sight]]:
    """A paced run that was watched to its verdict, without the page being loaded anew: its number, and what was seen of it."""
    page = place.looking.page
    page.evaluate("window.isTheSamePage = true")
    run_paced(place, "cut-in", gap_m="30")
    sights = [seen(place, 0.3)]
    page.wait_for_selector("[data-testid=came] li[data-what=cut_in]")
    sights += [seen(place, sights[0]["time"] + later_s) for later_s in (0.5, 1.5, 3.0)]
    place.looking.shot("watch")
    assert page.locator("[data-testid=standing] tr").count() == 3
    page.wait_for_selector("[data-testid=verdict]", timeout=60_000)
    assert page.evaluate("window.isTheSamePage")
    return run_shown(place), sights


def test_a_paced_run_moves_before_ones_eyes_and_its_rows_are_what_was_seen(place: Place, live: tuple[str, list[Sight]]) -> None:
    run, sights = live
    table, header = kept(place, run)
    assert {sight["mode"] for sight in sights} == {"live"}
    for sight in sights:
        assert_agrees(sight, table, header["actors"]["name"])
    (x, y), (later_x, later_y) = (sights[at]["actors"]["ego"] for at in (0, -1))
    assert np.hypot(later_x - x, later_y - y) > 40  # 3 s at 90 km/h, less what it brakes


def test_a_run_that_is_over_is_played_from_its_rows_and_says_that_this_is_not_live(
    place: Place, live: tuple[str, list[Sight]]
) -> None:
    page, (run, _) = place.looking.page, live
    table, header = kept(place, run)
    page.wait_for_selector(f"[data-testid=playback] {VIEW}")
    assert "Not live" in page.inner_text("[data-testid=playback]")
    began_s = header["events"]["time_s"][header["events"]["what"].index("cut_in")]
    assert page.locator("[data-testid=came] li").count() == 0
    page.fill(SLIDER, str(round((began_s + 1) / STEP_S)))
    sight = seen(place, began_s)
    assert sight["mode"] == "playback"
    assert_agrees(sight, table, header["actors"]["name"])
    page.wait_for_selector("[data-testid=came] li[data-what=cut_in]")
    assert page.locator("[data-testid=standing] tr[data-state=open]").count() >= 1
    place.look("playback", f"[data-testid=playback] {VIEW}")
    page.click("[data-testid=playback] button:text-is('Play')")
    assert_agrees(seen(place, sight["time"] + 1), table, header["actors"]["name"])
    page.click("[data-testid=playback] button:text-is('Pause')")
    page.fill(SLIDER, page.get_attribute(SLIDER, "max"))
    page.wait_for_function("document.querySelectorAll('[data-testid=standing] tr[data-state=open]').length === 0")


def test_a_run_as_fast_as_it_goes_plays_once_its_verdict_is_there(place: Place) -> None:
    place.go("scenarios")
    run = place.run_scenario("10,30", "build 1")
    table, header = kept(place, run)
    page = place.looking.page
    page.wait_for_selector(f"[data-testid=playback] {VIEW}")
    page.select_option("[data-testid=playback] select", "0")
    page.wait_for_selector(f"[data-testid=playback][data-case='0'] {VIEW}")
    sight = seen(place, 0.2)  # nobody has pressed anything
    assert_agrees(sight, table, header["actors"]["name"])
    ego = table.take(np.flatnonzero(table["actor"] == 0))
    assert np.hypot(sight["actors"]["ego"][0] - ego["x_m"][0], sight["actors"]["ego"][1] - ego["y_m"][0]) > 4


def test_signals_show_in_both_languages_and_themes_while_it_is_live(place: Place) -> None:
    run_paced(place, "red-light")
    place.look("watch-light", LIVE)
    assert place.looking.page.locator(f"{VIEW} .stop-line").count() == 1
    stop(place)
    assert "as far as the run came" in place.looking.text()


def test_a_broken_connection_is_said_and_the_run_followed_again_when_it_is_there(place: Place) -> None:
    page = place.looking.page
    run_paced(place, "red-light")
    before = seen(place, 0.5)
    page.context.set_offline(True)
    try:
        page.wait_for_selector(LOST)
        assert "The connection is lost, and tried again by itself" in place.looking.text()
        place.looking.shot("watch-lost")
        assert place.looking.faults() == []
    finally:
        page.context.set_offline(False)
    stood_s = page.evaluate(SEEN)["time"]
    assert stood_s >= before["time"]
    page.wait_for_selector(LIVE)
    seen(place, stood_s + 0.5)
    stop(place)


def test_a_session_that_ends_meanwhile_leads_to_the_login_and_back_to_the_run(place: Place) -> None:
    page = place.looking.page
    run_paced(place, "red-light")
    for key in place.client.people("GET", "keys"):
        if key["is_session"]:
            place.client.people("DELETE", "keys", *key["name"].split("/"))
    page.wait_for_selector("input[name=name]")
    assert "Your session has ended" in place.looking.text()
    place.log_in("wang")
    page.wait_for_selector(f"{LIVE} {VIEW}")
    seen(place, 1.0)
    stop(place)


def test_a_run_that_is_killed_is_shown_as_far_as_it_came_and_has_no_verdict(place: Place) -> None:
    page = place.looking.page
    run_paced(place, "red-light")
    seen(place, 0.5)
    registry = psutil.Process(place.site.pid("registry"))
    (process,) = [one for one in registry.children(recursive=True) if "simulators.scenario.asked" in one.cmdline()]
    process.kill()
    page.wait_for_selector("[data-testid=test][data-state=failed]")
    page.wait_for_selector(f"{OVER} {VIEW}")
    assert "as far as the run came" in place.looking.text()
    assert "exit code -9" in place.looking.text()
    assert page.evaluate(SEEN)["time"] > 0.5
    place.looking.shot("watch-killed")
    assert place.looking.faults() == []


def test_who_may_only_look_is_told_what_it_takes_to_watch(place: Place) -> None:
    page = place.looking.page
    run_paced(place, "red-light")
    where = page.evaluate("window.location.hash")
    page.click("button:text('Log out')")
    place.log_in("guest")
    page.evaluate(f"window.location.hash = '{where}'")
    until(lambda: "To watch it one needs the role tester" in place.looking.text(), 20, "what it takes")
    assert page.locator(VIEW).count() == 0
    assert place.looking.faults() == []
    assert place.looking.errors == []

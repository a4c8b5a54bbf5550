"""The console in a real browser on a whole site: log in, register a device, see it come alive, see a warning as it is raised."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AgentProcess
from tests.e2e.console_place import PLACE, Place, console_at, warning_seen
from tests.e2e.console_street import HOST
from tests.e2e.console_unit import RSU, driving, unit_of
from tests.fix_browser import Looking
from tests.waiting import until

MOST_FETCHED_BYTES = 1.5e6
SITE_CLOCKS = zoneinfo.ZoneInfo("Asia/Shanghai")  # those of every site that says nothing else
UNIT_AT = (472, 391)  # the roadside unit in the window, with the whole site in view
FETCHED = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"


@pytest.fixture(scope="module")
def place(looking: Looking, mosquitto: object, open_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site with roads and people."""
    with console_at(open_directory / "console", looking, tmp_path_factory.mktemp("console")) as place:
        yield place


def test_the_first_load_is_small_asks_nobody_else_and_a_wrong_password_is_told_in_words(place: Place) -> None:
    page = place.looking.page
    page.goto(place.url)
    page.wait_for_selector("input[name=name]")
    fetched = page.evaluate(FETCHED)
    print(f"\nfirst load until one can log in: {fetched / 1e6:.2f} MB")
    assert 0 < fetched < MOST_FETCHED_BYTES / 10  # without the map's libraries, which come with the map
    place.log_in("wang", "not the password")
    page.wait_for_selector("[role=alert]")
    assert "Name or password is wrong" in place.looking.text()
    assert place.looking.faults() == []
    place.looking.shot("login")
    place.log_in("wang")
    page.wait_for_selector("[data-testid=map-state][data-state=open]")
    fetched = page.evaluate(FETCHED)
    print(f"with the map: {fetched / 1e6:.2f} MB")
    assert fetched < MOST_FETCHED_BYTES
    assert {address.removeprefix(place.url)[:1] for address in place.looking.addresses if not address.startswith("blob:")} == {
        "/"
    }


def test_a_site_where_nothing_moves_says_so(place: Place) -> None:
    page = place.looking.page
    page.wait_for_selector("text=Nothing moves on this site now")
    page.select_option("header select", "empty")
    page.wait_for_selector("text=This site has no road network")
    page.evaluate("window.location.hash = '#/health?site=empty'")
    page.wait_for_selector("text=No device is registered on this site")
    place.looking.shot("empty")


@pytest.fixture(scope="module")
def agent(place: Place) -> Iterator[AgentProcess]:
    """A roadside unit that was registered in the console, with the secret that was shown there."""
    page = place.looking.page
    place.open("register")
    page.click("text=Add a device")
    place.fill_in(device_id="not an id!")
    page.wait_for_selector("dialog [role=alert] >> text=device_id")
    assert place.looking.faults() == []
    place.fill_in(device_id=RSU, name="North gate", latitude_deg="29.5503", longitude_deg="106.5702")
    secret = page.inner_text("[data-testid=secret]")
    place.looking.shot("secret")
    page.keyboard.press("Escape")  # which does not close what is shown only once
    assert page.is_visible("[data-testid=secret]")
    page.click("text=I have kept it")
    page.wait_for_selector(f"[role=row] >> text={RSU}")
    agent = unit_of(place, secret)
    agent.start()
    yield agent
    agent.kill()


def test_a_device_that_is_registered_there_comes_alive_before_ones_eyes(place: Place, agent: AgentProcess) -> None:
    page = place.looking.page
    page.wait_for_selector(f"[role=row]:has-text('{RSU}') >> text=/healthy|impaired/")  # a busy machine is an impairment
    place.looking.shot("register")
    assert place.looking.faults() == []


@pytest.fixture(scope="module")
def traffic(place: Place, agent: AgentProcess) -> Iterator[float]:
    """The street's traffic in real time, with the map open; when it began (wall clock, s)."""
    place.open("map")
    place.looking.page.wait_for_selector("[data-testid=map-state][data-state=open]")
    with driving(agent) as began_s:
        yield began_s


def test_a_collision_warning_comes_to_the_map(place: Place, traffic: float) -> None:
    page = place.looking.page
    seen = warning_seen(place)
    place.looking.shot("warning")
    page.click("li[data-application=fcw] button")
    page.wait_for_selector(".details dl")
    place.looking.shot("map")
    raised = seen.raised(place)
    assert raised["decided_us"] <= seen.at_us
    assert raised["host_vehicle_id"] == f"{HOST:016x}"


def test_whatever_is_clicked_tells_of_its_last_minute_as_it_was_stored(place: Place, traffic: float) -> None:
    page = place.looking.page
    page.wait_for_selector("[data-testid=minute]")
    page.wait_for_selector(".details .plot canvas")
    page.click("text=Tilted")
    place.looking.shot("details")
    page.click(".details .close")
    page.wait_for_selector(".details", state="detached")
    page.click("text=From above")
    page.click("text=Whole site")
    click_on_unit(page, *UNIT_AT)
    page.click(".details .close")


def click_on_unit(page: Any, x: float, y: float) -> None:
    """Until what it is is told: a busy machine may still draw the former view when it is clicked."""

    def is_told() -> bool:
        page.mouse.click(x, y)
        page.wait_for_timeout(200)
        return bool(page.is_visible(f".details h2:has-text('{RSU}')"))

    until(is_told, 60, "the unit's details")


def test_the_map_is_moved_and_what_is_on_it_found_by_keyboard(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("map")
    page.wait_for_selector("[data-testid=map-state][data-state=open]:not([data-users='0'])")
    page.click("text=Whole site")
    page.focus(".canvas")
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("(box => Math.min(box.clientWidth, box.clientHeight) / 8)(document.querySelector('.canvas'))")
    click_on_unit(page, UNIT_AT[0] - moved, UNIT_AT[1])
    page.click(".details .close")
    page.focus(".walk summary")
    page.keyboard.press("Enter")
    page.fill(".walk input", f"{HOST:x}"[-4:])
    page.focus(".walk li:has(code):has-text('Motor vehicle') button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".details dl")
    assert place.looking.faults() == []
    place.looking.shot("walk")
    page.click(".details .close")
    page.click(".walk summary")


def test_an_operator_draws_an_area_and_tells_of_road_works_on_the_map(place: Place, traffic: float) -> None:
    page = place.looking.page
    page.click("text=Whole site")
    page.click(".marks button:text-is('Draw')")
    for number, corner in enumerate(((300, 250), (360, 250), (360, 320)), start=1):
        page.mouse.click(*corner)
        page.wait_for_selector(f"[data-testid=drawing][data-corners='{number}']")
    page.click("button:text-is('Area …')")
    place.fill_in(area_id="not an id!")
    page.wait_for_selector("dialog [role=alert] >> text=area_id")
    place.fill_in(area_id="oval")
    page.wait_for_selector("[data-testid=drawing]", state="detached")
    (area,) = place.client.people("GET", "sites", "hillside", "areas")
    (corners,) = area["polygon"]["coordinates"]
    west, east = corners[0][0], corners[1][0]
    assert (len(corners), corners[0]) == (4, corners[3])
    assert corners[0][1] == pytest.approx(corners[1][1], abs=1e-6)  # drawn on one height of the window: of one latitude
    assert PLACE["longitude_deg"] - 0.01 < west < east < PLACE["longitude_deg"] + 0.01
    page.click(".marks button:text-is('Draw')")
    page.mouse.click(UNIT_AT[0] + 30, UNIT_AT[1])
    page.wait_for_selector("[data-testid=drawing][data-corners='1']")
    page.click("button:text-is('Road event …')")
    page.wait_for_selector("dialog option[value='500']", state="attached")
    place.fill_in(code="500", text="right lane closed", hours="1")
    page.wait_for_selector(".marks li:has-text('right lane closed'):has-text('of 1 units')")
    place.look("drawn", ".marks li")
    (event,) = place.client.people("GET", "sites", "hillside", "road-events", params={"standing": "holds"})["events"]
    assert (event["code"], event["name"], event["units"]) == (500, "roadworks", 1)
    page.click(".marks li button:text-is('Withdraw')")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".marks li", state="detached")


def test_a_staged_collision_is_scrubbed_back_to_and_its_link_leads_there(place: Place, traffic: float) -> None:
    page = place.looking.page
    until(lambda: list(place.client.warnings()), 60, "a stored warning")
    began = datetime.datetime.fromtimestamp(traffic, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    page.evaluate(f"window.location.hash = '#/time?site=hillside&at={began}'")
    page.wait_for_selector("[data-testid=past-state][data-state=ready]")
    page.click("text=Warning after")
    page.wait_for_selector("[data-testid=past-state][data-state=ready]:not([data-users='0'])")
    page.wait_for_selector("li[data-application]")
    page.wait_for_selector("[data-testid=marks]:not([data-count='0'])")
    page.click("li[data-application] button")
    page.wait_for_selector(".details .plot canvas")
    place.looking.shot("past")
    assert place.looking.faults() == []
    raised_us = instant(page)
    page.focus("input[type=range]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(AT, arg=raised_us + 1)
    page.click("button:text('−0.1 s')")
    until(lambda: abs(instant(page) - raised_us) <= 100_000, 10, "the step back")
    link = page.get_attribute("a:text('Link to this moment')", "href")
    page.click("text=4×")
    page.click("text=Play >> nth=0")
    page.wait_for_function(AT, arg=raised_us + 2_000_000)
    page.click("text=Pause")
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("[data-testid=past-state][data-state=ready]:not([data-users='0'])")
    assert abs(instant(page) - raised_us) <= 100_000
    second = raised_us // 1_000_000 - 1
    page.fill("input[type=datetime-local]", f"{datetime.datetime.fromtimestamp(second, SITE_CLOCKS):%Y-%m-%dT%H:%M:%S}")
    page.press("input[type=datetime-local]", "Enter")
    page.wait_for_function(AT, arg=second * 1_000_000)
    assert instant(page) - second * 1_000_000 < 1_000_000, "the field is read by the site's clocks"
    page.evaluate("window.location.hash = '#/time?site=hillside&at=2020-01-01T00:00:00Z'")
    page.wait_for_selector("text=Nothing that this site's devices said is stored of this time")


def test_what_applications_warned_of_is_counted_listed_and_told_one_by_one(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("applications")
    page.wait_for_selector(".plot canvas")
    page.wait_for_selector(".rows .body [role=row]")
    page.wait_for_timeout(500)  # the plot is drawn
    place.looking.shot("applications")
    assert place.looking.faults() == []
    page.click(".rows .body [role=row] a >> nth=0")
    page.wait_for_selector("text=See it in the time machine")
    assert page.inner_text(".rows .body [role=row] >> nth=0").split()[2] == "raised"
    page.click("button:text('Explain')")
    page.wait_for_selector("[data-testid=why][data-verdict]", timeout=150_000)
    assert page.inner_text("[data-testid=why] table tbody")
    place.looking.shot("explanation")
    assert place.looking.faults() == []
    page.click("text=See it in the time machine")
    page.wait_for_selector("li[data-application]")


def test_a_scenario_is_run_from_the_page_and_its_report_taken_home(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("scenarios")
    run = place.run_scenario("10,40", "build 7")
    with page.expect_download() as saved:
        page.click("[data-testid=evidence] button:has-text('Report')")
    assert "A slower vehicle cuts in" in Path(saved.value.path()).read_text()
    assert place.client.people("GET", "sites", "hillside", "runs", run)["build"] == "build 7"


def test_what_a_rule_proposes_for_a_case_is_approved_and_done(place: Place, traffic: float, agent: AgentProcess) -> None:
    page = place.looking.page
    ping = {"do": "command", "selection": {"devices": [RSU]}, "command": "ping"}
    rule = {"when": {"kinds": ["obstruction"]}, "then": [ping], "name": "ask the gate"}
    place.client.people("PUT", "sites", "hillside", "rules", "ask", json=rule)
    place.go("city/board")
    page.click("button:text('Open a case')")
    place.fill_in(kind="debris", text="a box on the right lane", spot="gate_0")
    page.wait_for_selector("button:text('Approve')")
    place.look("board", "table button >> nth=0")
    page.click("button:text('Approve')")
    place.fill_in(comment="go on")
    page.wait_for_selector("button:text('Approve')", state="detached")
    (proposal,) = place.client.people("GET", "sites", "hillside", "proposals")["proposals"]
    assert (proposal["state"], proposal["settled_by"], proposal["comment"]) == ("done", "wang", "go on")
    number = proposal["outcome"]["dispatch_id"]
    until(lambda: place.client.people("GET", "dispatches", str(number))["states"] == {"applied": 1}, 30, "the device's answer")
    page.click(f".rows a:text-is('{proposal['case_id']}')")
    page.click("button:text-is('Give the duty')")
    place.fill_in(duty="road crew 2")
    page.wait_for_selector("[data-testid=case][data-state=acting] >> text=road crew 2")
    assert "open → somebody acts" in place.looking.text()
    place.look("case", "[data-testid=case]")


def test_what_monitors_find_is_told_by_the_hour(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.go("health/monitors")
    page.wait_for_selector(".rows .body [role=row]", timeout=150_000)  # a minute has to be over, and half of one more
    place.look("monitors", ".rows .body [role=row]")
    assert "SPAT" in page.inner_text(".rows .body")


def test_the_citys_traffic_is_told_by_network_and_segment(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("city")
    page.wait_for_selector("[data-testid=network] .plot canvas", timeout=120_000)  # a minute has to be over
    page.wait_for_selector(".rows .body [role=row] meter")
    place.look("traffic", "[data-testid=network] .plot canvas")


def instant(page: Any) -> int:
    """What the map of the past shows, µs."""
    return int(page.get_attribute("[data-testid=past-state]", "data-at"))


AT = "us => Number(document.querySelector('[data-testid=past-state]').dataset.at) >= us"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_section_is_there_in_both_languages_and_themes(place: Place, traffic: float, language: str, theme: str) -> None:
    page = place.looking.page
    place.dress(language, theme)
    titles = []
    for section in ("map", "time", "register", "health", "applications", "scenarios", "city"):
        place.open(section)
        page.wait_for_selector(f"nav a[aria-current=page][href*='#/{section}']")
        page.wait_for_selector("main h1")
        titles.append(page.inner_text("main h1"))
        if section in {"map", "time", "health", "applications"}:
            page.wait_for_selector(".warnings" if section in {"map", "time"} else ".rows [role=row]")
            page.wait_for_timeout(700)  # pictures and plots are drawn
        place.looking.shot(f"{section}-{language}-{theme}")
        assert place.looking.faults() == [], section
    assert all(any("一" <= letter <= "鿿" for letter in title) for title in titles) == (language == "zh")
    assert place.looking.errors == []


def test_the_sections_are_reached_by_keyboard(place: Place, traffic: float) -> None:
    page = place.looking.page
    page.reload()
    page.wait_for_selector("nav a")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('nav') !== null")
    page.keyboard.press("Enter")
    page.wait_for_selector("nav a[aria-current=page][href*='#/time']")


def test_the_page_comes_back_by_itself_when_the_registry_does(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("map")
    page.wait_for_selector("[data-testid=map-state][data-state=open]:not([data-users='0'])")
    page.evaluate("window.isTheSamePage = true")
    was = place.site.kill("registry")
    page.wait_for_selector("[data-testid=map-state][data-state=lost]")
    place.looking.shot("lost")
    place.site.wait_running("registry", other_than=was)
    drawn = int(page.get_attribute("[data-testid=map-state]", "data-drawn"))
    page.wait_for_selector("[data-testid=map-state][data-state=open]:not([data-users='0'])")
    until(
        lambda: int(page.get_attribute("[data-testid=map-state]", "data-drawn")) > drawn + 5, 30, "pictures of the new registry"
    )
    assert page.evaluate("window.isTheSamePage")


def test_a_session_that_was_ended_leads_to_the_login_and_back_to_where_one_was(place: Place, traffic: float) -> None:
    page = place.looking.page
    place.open("health")
    page.wait_for_selector(".rows [role=row]")
    for key in place.client.people("GET", "keys"):
        if key["is_session"]:
            place.client.people("DELETE", "keys", *key["name"].split("/"))
    page.wait_for_selector("input[name=name]")
    assert place.said({"en": "Your session has ended", "zh": "会话已结束"}) in place.looking.text()
    place.looking.shot("ended")
    place.log_in("guest")
    page.wait_for_selector(".rows [role=row]")
    place.open("map")
    page.wait_for_selector(".screen h1")
    assert place.said({"en": "You have no rights here", "zh": "您在此没有权限"}) in place.looking.text()
    assert place.looking.faults() == []
    place.looking.shot("no-rights")


def test_an_alarm_is_acknowledged_by_who_takes_care_of_it(place: Place, agent: AgentProcess) -> None:
    page = place.looking.page
    agent.kill()
    place.client.people(
        "PATCH", "users", "guest", json={"roles": [{"site": None, "role": "operator"}]}, headers={"If-Match": "*"}
    )
    page.evaluate("window.location.hash = '#/register/alarms?site=hillside'")
    page.reload()
    page.wait_for_selector(".tabs")
    place.dress("en", "light")
    page.wait_for_selector(f".rows [role=row]:has-text('offline'):has-text('{RSU}')")
    assert place.looking.faults() == []
    place.looking.shot("alarms")
    page.click(f".rows [role=row]:has-text('offline'):has-text('{RSU}') button")
    place.fill_in(comment="a crew is on its way")
    page.wait_for_selector(f".rows [role=row]:has-text('offline'):has-text('{RSU}'):has-text('guest')")
    (alarm,) = place.client.people("GET", "alarms", params={"site": "hillside", "kind": "offline"})["alarms"]
    assert (alarm["acknowledged_by"], alarm["comment"]) == ("guest", "a crew is on its way")

"""What is done in the console, in a real browser on a whole site: scenario tests, and operations."""

from __future__ import annotations

import csv
import datetime
import hashlib
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.api import NewDevice, Organisation
from chelu.signing import Signer, Statement
from chelu.topics import Kind
from tests.e2e.console_place import NETWORK, PASSWORD, Place, console_at
from tests.fix_browser import Looking
from tests.integration.registry.by_hand import Puppet
from tests.waiting import until

PACKAGE = b"a package " * 100
CORNERS = "29.5500, 106.5700\n29.5500, 106.5710\n29.5510, 106.5710\n29.5510, 106.5700"
GOOD, BAD, MANY = 40, 3, 10_000
ODD = "obu-odd"


@pytest.fixture(scope="module")
def place(looking: Looking, mosquitto: object, open_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site, with its administrator logged in."""
    with console_at(open_directory / "work", looking, tmp_path_factory.mktemp("work")) as place:
        place.enter("scenarios")
        yield place


@pytest.fixture(scope="module")
def runs(place: Place) -> tuple[str, str]:
    """Two runs of one scenario, asked for in the page."""
    page = place.looking.page
    first = place.run_scenario("10,40", "build 1")
    page.click("text=All tests")
    return first, place.run_scenario("10,20,40", "build 2")


def test_a_scenario_is_chosen_set_and_run_and_its_verdict_has_its_evidence(place: Place, runs: tuple[str, str]) -> None:
    page = place.looking.page
    document = place.client.people("GET", "sites", "hillside", "runs", runs[1], "document")
    assert page.get_attribute("[data-testid=verdict]", "data-verdict") == document["verdict"]
    assert page.locator(".rows .body [role=row]").count() == len(document["each"]) == 3
    with page.expect_download() as saved:
        page.click("[data-testid=evidence] button:has-text('Report')")
    assert saved.value.suggested_filename == f"run-{runs[1]}-report.html"
    report = Path(saved.value.path()).read_text()
    assert "A slower vehicle cuts in" in report
    assert page.locator("[data-testid=evidence] button:has-text('.mcap')").count() == 3
    place.look("verdict", "[data-testid=verdict]")


def test_two_runs_are_held_against_each_other(place: Place, runs: tuple[str, str]) -> None:
    page = place.looking.page
    page.click("text=All tests")
    for run in runs:
        page.check(f"input[aria-label='Compare run {run}']")
    place.look("scenarios", ".rows .body [role=row]")
    page.click(f"a:has-text('Compare run {runs[0]} with run {runs[1]}')")
    said = page.inner_text("[data-testid=comparison]")
    new = 3  # the three requirements of the one case that the earlier run did not have
    assert f"new {new}" in said
    assert "the same 6" in said
    assert page.locator(".rows .body [role=row]").count() == new
    place.look("compare", "[data-testid=comparison]")


def test_what_cannot_be_run_says_why_and_a_test_is_stopped_while_one_watches(place: Place) -> None:
    page = place.looking.page
    place.go("scenarios/new", scenario="cut-in")
    place.look("scenario-new", "button[type=submit]")
    place.fill_in(".setting", **{"set.gap_m": "wide"})
    page.wait_for_selector("[role=alert] >> text=set.gap_m")
    place.fill_in(".setting", **{"set.gap_m": "5:60:5"}, design="latin", count="5000", device="applications")
    page.wait_for_selector("[data-testid=test][data-state=running]")
    page.wait_for_selector("progress[value]")
    place.look("scenario-running", "progress")
    page.click("button:text('Stop')")
    page.wait_for_selector("[data-testid=test][data-state=stopped]")


def test_devices_of_a_file_are_looked_through_and_the_bad_rows_listed_before_the_good_are_registered(place: Place) -> None:
    page = place.looking.page
    rows = [["device_id", "kind", "site_id"]]
    rows += [[f"bulk-{number:02d}", "obu", "hillside"] for number in range(GOOD)]
    rows += [["bad id!", "obu", "hillside"], ["bulk-x", "spaceship", "hillside"], ["bulk-y", "obu", "nowhere"]]
    file = place.work / "devices.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    place.go("register/import")
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector(f"[data-testid=import][data-good='{GOOD}'][data-bad='{BAD}']")
    page.wait_for_selector(f".rows [role=row]:has-text('{GOOD + 2}'):has-text('device_id')")
    place.look("import", ".rows .body [role=row]")
    page.click(f"button:has-text('Register the good {GOOD}')")
    with page.expect_download() as saved:
        page.click("[data-testid=secrets]")
    secrets = list(csv.DictReader(Path(saved.value.path()).read_text().splitlines()))
    assert [one["device_id"] for one in secrets] == [f"bulk-{number:02d}" for number in range(GOOD)]
    assert all(one["secret"] for one in secrets)
    assert len([one for one in place.client.devices(site="hillside") if one.device_id.startswith("bulk-")]) == GOOD


def test_a_registered_device_is_changed_gets_a_new_secret_and_is_retired(place: Place) -> None:
    page = place.looking.page
    (added,) = place.client.add_devices([NewDevice(device_id="gate-7", kind=Kind.RSU, site_id="hillside")])
    place.go("register")
    page.fill("input[type=search]", "gate-7")
    row = page.locator(".rows .body [role=row]:has-text('gate-7')")
    row.locator("button").click()
    page.wait_for_selector("dialog dl")
    place.looking.shot("device")
    page.click("dialog button:text-is('Change')")
    place.fill_in(name="North gate", latitude_deg="29.53")
    page.wait_for_selector("dialog [role=alert] >> text=longitude_deg")
    place.fill_in(longitude_deg="106.57")
    page.wait_for_selector("dialog", state="detached")
    until(lambda: "North gate" in row.inner_text(), 15, "the new name in the list")
    row.locator("button").click()
    page.click("dialog button:text-is('New secret')")
    place.fill_in()
    secret = page.inner_text("[data-testid=secret]")
    assert len(secret) == len(added.secret or "")
    assert secret != added.secret
    page.click("dialog button.main")
    row.locator("button").click()
    page.click("dialog button:text-is('Lifecycle')")
    page.select_option("dialog select[name=to]", "retired")
    place.fill_in(note="stolen")
    until(lambda: place.client.device("gate-7").lifecycle == "retired", 10, "the device to be retired")
    assert not place.client.device("gate-7").has_credential
    page.wait_for_selector("dialog", state="detached")
    row.locator("button").click()
    page.click("dialog button:text-is('Delete')")
    place.fill_in()
    row.wait_for(state="detached")
    assert not [one for one in place.client.devices(site="hillside") if one.device_id == "gate-7"]


def test_configuration_is_shown_as_desired_and_as_reported_and_a_campaign_goes_on_by_waves(place: Place) -> None:
    page = place.looking.page
    place.client.add_devices([NewDevice(device_id=f"rsu-{number}", kind=Kind.RSU, site_id="hillside") for number in range(4)])
    place.go("register/config")
    page.click("button:text('Configure')")
    place.fill_in(devices="rsu-0", field="heartbeat_s", value="-5")
    page.wait_for_selector("dialog [role=alert]")
    place.fill_in(value="5")
    page.wait_for_selector("dialog", state="detached")
    page.check("input[type=checkbox]")
    page.wait_for_selector(".rows[aria-rowcount='2']")
    page.wait_for_selector("[role=row]:has-text('rsu-0'):has-text('heartbeat_s') >> text=differs")
    place.look("config", ".rows .body [role=row]")
    place.go("register/campaigns")
    page.click("button:text('New campaign')")
    place.fill_in(campaign_id="spring", field="heartbeat_s", value="7", waves="50, 100")
    page.wait_for_selector("[data-testid=campaign-spring][data-phase=running] progress >> nth=1")
    place.look("campaigns", "[data-testid=campaign-spring]")
    page.click("[data-testid=campaign-spring] button:text('Pause')")
    page.wait_for_selector("[data-testid=campaign-spring][data-phase=paused]")
    assert place.client.people("GET", "campaigns", "spring")["phase"] == "paused"


def test_firmware_is_uploaded_only_with_its_makers_signature(place: Place) -> None:
    page = place.looking.page
    signer, file = Signer.new(), place.work / "os.bin"
    file.write_bytes(PACKAGE)
    place.go("register/firmware")
    page.click("button:text('New key')")
    place.fill_in(name="acme", public_key=signer.public_key)
    page.wait_for_selector("th:text('acme')")
    page.click("button:text('New package')")
    page.set_input_files("dialog input[name=file]", file)
    place.fill_in(name="os", version="2.0", signature="0" * 128)
    page.wait_for_selector("dialog [role=alert] >> text=signature")
    signed = Statement("firmware", "os", "2.0", len(PACKAGE), hashlib.sha256(PACKAGE).hexdigest())
    place.fill_in(signature=signer.sign(signed))
    page.click("tr:has-text('2.0') button")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("tr:has-text('2.0'):has-text('any device')")
    place.look("firmware", "tr:has-text('2.0')")
    (package,) = place.client.people("GET", "packages")
    assert (package["name"], package["bytes"], package["is_there"]) == ("os", len(PACKAGE), True)


def test_an_area_is_made_booked_and_permitted(place: Place) -> None:
    page = place.looking.page
    place.client.add_organisation(Organisation(organisation_id="crew", role="vehicle team"))
    place.client.add_devices([NewDevice(device_id="car-1", kind=Kind.VEHICLE, site_id="hillside", team="crew")])
    place.go("register/track")
    page.click("button:text('New area')")
    place.fill_in(area_id="oval", corners=CORNERS)
    page.wait_for_selector("code:text('oval')")
    starts = (datetime.datetime.now() + datetime.timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    for button, fields in (
        ("Book", {"team": "crew", "text": "brake tests"}),
        ("Give a permit", {"vehicle": "car-1", "kmh": "60"}),
    ):
        page.click(f"button:text-is('{button}')")
        page.wait_for_selector("dialog >> text=the clocks of the site: Asia/Shanghai")
        ends = starts + datetime.timedelta(hours=2)
        place.fill_in(**fields, **{name: f"{at:%Y-%m-%dT%H:%M}" for name, at in (("starts", starts), ("ends", ends))})
        page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector("tr:has-text('car-1'):has-text('60 km/h')")
    (booking,) = place.client.people("GET", "sites", "hillside", "bookings")
    by_the_site = starts.replace(tzinfo=zoneinfo.ZoneInfo("Asia/Shanghai"))
    assert datetime.datetime.fromisoformat(booking["starts"]) == by_the_site, "the fields are read by the site's clocks"
    page.wait_for_selector(f"tr:has-text('brake tests'):has-text('{starts:%H:%M} GMT+8')")
    place.look("track", "tr:has-text('brake tests')")
    page.click("tr:has-text('brake tests') button")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("tr:has-text('brake tests')", state="detached")
    assert place.client.people("GET", "sites", "hillside", "bookings") == []


def test_a_person_and_a_key_are_made_and_their_secrets_shown_once(place: Place) -> None:
    page = place.looking.page
    place.go("register/people")
    page.click("button:text('New person')")
    place.fill_in(user_name="fang", role="operator")
    password = page.inner_text("[data-testid=secret]")
    page.click("text=I have kept it")
    assert place.client.login("fang", password)["token"]
    page.click("button[aria-label='Change fang']")
    place.fill_in(is_active="no")
    page.wait_for_selector("tr:has-text('fang'):has-text('may not log in')")
    page.click("button:text('New key')")
    place.fill_in(name="ci")
    assert page.inner_text("[data-testid=secret]")
    page.click("text=I have kept it")
    place.look("people", "tr:has-text('wang/ci')")
    (fang,) = [one for one in place.client.people("GET", "users") if one["user_name"] == "fang"]
    assert (fang["is_active"], fang["roles"]) == (False, [{"site": "hillside", "role": "operator"}])


def test_who_decides_about_a_signal_is_said_and_kept(place: Place) -> None:
    page = place.looking.page
    place.client.add_devices([NewDevice(device_id="sig-1", kind=Kind.SIGNAL, site_id="hillside", labels={"bay": "3"})])
    place.go("city/signals")
    page.click("button:text('Decide')")
    place.fill_in(control="manual", plan="20,15")
    page.wait_for_selector("[role=row]:has-text('sig-1'):has-text('20,15')")
    place.look("signals", "[role=row]:has-text('sig-1')")
    assert place.client.device("sig-1").labels == {
        "bay": "3",
        "signal-control": "manual",
        "signal-plan": "20,15",
        "signal-priority": "all",
    }
    place.go("city/environment")
    page.wait_for_selector("text=No sensor of this site measured anything")


def test_a_parameter_is_refused_in_words_changed_with_its_reason_and_in_force_at_once(place: Place) -> None:
    page = place.looking.page
    roles = [{"site": "hillside", "role": "tester"}]
    place.client.people("POST", "users", json={"user_name": "tina", "password": PASSWORD, "roles": roles})
    place.go("applications/parameters")
    page.click("button[aria-label='Change warn_mps2']")
    page.fill("dialog input[name=note]", "trials with heavy trucks")
    page.fill("dialog input[name=value]", "42")
    page.wait_for_selector("dialog [role=alert] >> text=from 0 to 12 (m/s²)")
    page.click("dialog button[type=submit]")  # which the form does not let through
    assert place.client.people("GET", "sites", "hillside", "parameters")["version"] == 0
    place.looking.shot("parameter")
    assert place.looking.faults() == []
    page.fill("dialog input[name=value]", "4.2")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector("[data-testid=parameters][data-version='1'][data-in-force='1']")  # inference was not started anew
    page.wait_for_selector("tr:has-text('trials with heavy trucks'):has-text('wang'):has-text('4.2')")
    place.look("parameters", "tr:has-text('trials with heavy trucks')")
    rows = place.client.people("GET", "sites", "hillside", "parameters")["parameters"]
    assert [(row["own"], row["in_force"]) for row in rows if row["parameter"] == "warn_mps2" and row["own"]] == [(4.2, 4.2)]
    page.click("button:text('Log out')")
    place.log_in("tina")
    page.wait_for_selector("tr:has-text('trials with heavy trucks')")
    assert page.locator("button[aria-label^=Change]").count() == 0
    page.click("button:text('Log out')")
    place.log_in("wang")
    page.wait_for_selector("button[aria-label='Change warn_mps2']")


def test_the_emergency_stop_asks_again_says_who_has_answered_and_is_released_with_a_reason(place: Place) -> None:
    page = place.looking.page
    place.client.add_devices([NewDevice(device_id="obu-silent", kind=Kind.OBU, site_id="hillside")])
    page.evaluate("window.location.hash = '#/register/stop?site=hillside'")
    page.click("[data-testid=stop] button")
    page.keyboard.press("Escape")  # which is no yes
    page.wait_for_selector("[data-testid=stop][data-in-force=false]")
    page.click("[data-testid=stop] button")
    assert place.looking.faults() == []
    place.fill_in(text="a person on the road")
    page.wait_for_selector("[data-testid=stop][data-in-force=true] >> text=a person on the road")
    assert place.client.people("GET", "sites", "hillside", "stop")["in_force"]["pressed_by"] == "wang"
    page.wait_for_selector("tr:has-text('obu-silent') >> text=no answer")
    banner = "header [data-testid=stopped][role=alert] a"
    for section in ("map", "health", "register/track"):
        place.go(section, site="empty")  # of whichever site one sees the page
        page.wait_for_selector(f"{banner}:has-text('hillside')")
    place.look("stop-banner", banner)
    page.click(banner)
    page.wait_for_selector("[data-testid=stop][data-in-force=true]")
    place.look("stop", "tr:has-text('obu-silent')")
    page.click("[data-testid=stop] button:has-text('Press again')")
    place.fill_in()
    page.wait_for_selector("dialog", state="detached")
    assert place.client.people("GET", "sites", "hillside", "stop")["in_force"]["presses"] == 2
    page.click("[data-testid=stop] button:has-text('Release')")
    place.fill_in(text="the road is clear")
    page.wait_for_selector("[data-testid=stop][data-in-force=false]")
    page.wait_for_selector(banner, state="detached")


def test_a_device_that_sends_nonsense_is_seen_with_what_is_wrong_with_it(place: Place) -> None:
    page = place.looking.page
    puppet = Puppet(place.client, int(place.site.endpoints.mqtt_url.rpartition(":")[2]), ODD)
    for _ in range(3):
        puppet.peer.mqtt.publish(f"obu/{ODD}/bsm/up", b"no message", qos=1).wait_for_publish(10)
    place.go("health/refused")
    page.wait_for_selector(f".rows .body [role=row]:has-text('{ODD}')", timeout=60_000)
    (reason,) = {letter["reason"] for letter in place.client.dead_letters(device=ODD)}
    assert reason in page.inner_text(f".rows .body [role=row]:has-text('{ODD}')")
    place.look("refused", f".rows .body [role=row]:has-text('{ODD}')")
    place.open("health")
    page.wait_for_selector(".rows .body [role=row]")
    assert page.locator("[role=alert]").count() == 0  # the page bears it


def test_a_site_is_made_with_its_roads(place: Place) -> None:
    page = place.looking.page
    place.go("register/sites")
    page.click("button:text-is('New site')")
    where = {"latitude_deg": "29.6", "longitude_deg": "106.5", "elevation_m": "200"}
    place.fill_in(site_id="no id!", name="The harbour", **where)
    page.wait_for_selector("dialog [role=alert] >> text=site_id")
    place.fill_in(site_id="harbour")
    page.wait_for_selector("header option[value=harbour]", state="attached")
    page.click("button[aria-label='Upload roads of harbour']")
    page.set_input_files("dialog input[name=file]", NETWORK)
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog", state="detached")
    assert place.client.people("GET", "sites", "harbour", "roads", "drawing")["version"] == 1
    place.look("sites", "tr:has-text('harbour')")


def test_ten_thousand_devices_scroll_as_twenty_do(place: Place) -> None:
    page = place.looking.page
    place.client.add_devices(
        [NewDevice(device_id=f"obu-{number:05d}", kind=Kind.OBU, site_id="empty", credential=False) for number in range(MANY)]
    )
    page.evaluate("window.location.hash = '#/register?site=empty'")
    table = page.wait_for_selector(f".rows[aria-rowcount='{MANY + 1}']")
    assert page.locator(".rows .body [role=row]").count() < 60
    table.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    page.wait_for_selector(f"[role=row] >> text=obu-{MANY - 1:05d}")
    page.fill("input[type=search]", "obu-0004")
    page.wait_for_selector(".rows[aria-rowcount='11']")


def test_every_part_opens_for_who_may_only_look_and_says_what_it_needs(place: Place) -> None:
    page = place.looking.page
    page.click("button:text('Log out')")
    place.log_in("guest")
    parts = ("sites", "inbox", "import", "config", "campaigns", "firmware", "track", "people", "stop", "alarms", "audit")
    for part in parts:
        place.go(f"register/{part}")
        page.wait_for_selector(f".tabs a[aria-current=page][href*='register/{part}']")
        until(lambda: "Loading" not in place.looking.text(), 20, f"the part {part}")
        assert page.locator("[role=alert]").count() == 0, part
        assert place.looking.faults() == [], part
    assert place.looking.errors == []

"""The whole API under generated requests, well formed and not: no answer of 500 or above, and none that is not described.

CHELU_TEST_API_EXAMPLES says how many requests an operation gets of each sort (docs/testing.md).
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chelu.api import Client, NewDevice, Organisation, Site
from chelu.errors import UnreachableError
from chelu.local.plan import Options
from chelu.local.site import Site as RunningSite
from chelu.topics import Kind
from services.registry.openapi_examples import MODELS
from tests.waiting import until

EXAMPLES = int(os.environ.get("CHELU_TEST_API_EXAMPLES", "6"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SITE = "hillside"
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
LEAST_OPERATIONS = 60
OPTIONS = Options(mqtt_port=0, api_port=0, database_port=0, database_settings={"fsync": "off", "shared_buffers": "32MB"})


@schemathesis.serializer("application/gzip", "application/x-tar", "text/csv", "application/geo+json", "application/octet-stream")
def as_bytes(_context: Any, value: Any) -> bytes:
    """Files of any kind, as the generator made them."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """A whole site, so that every table is there."""
    with RunningSite(tmp_path_factory.mktemp("site"), OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def client(running: RunningSite) -> Iterator[Client]:
    with Client.find({"CHELU_HOME": str(running.layout.data)}) as client:
        client.add_site(Site(site_id=SITE, latitude_deg=29.5332, longitude_deg=106.503, elevation_m=245.0))
        yield client


@pytest.fixture(scope="module")
def description(running: RunningSite, client: Client) -> Any:
    """The API as it describes itself, over a register that has something of what the examples name."""
    client.add_organisation(Organisation(organisation_id="crew", role="vehicle team"))
    client.add_devices([NewDevice(device_id=name, kind=Kind.RSU, site_id=SITE) for name in ("rsu-1", "obu-0001")])
    client.add_site(Site(site_id="obu-0001", latitude_deg=0, longitude_deg=0))
    client.people("POST", "users", json={"user_name": "wang", "password": "a long password"})
    until(lambda: _are_views_made(client), 60, "the views of the city's data")
    return schemathesis.openapi.from_url(f"{running.endpoints.api_url}/openapi.json", timeout=60)


def _are_views_made(client: Client) -> bool:
    try:
        client.people("GET", "entities", "TrafficFlowObserved", params={"limit": 1})
        client.people("GET", "entities", "AirQualityObserved", params={"limit": 1})
    except UnreachableError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)  # its own strategies do
@pytest.mark.parametrize("mode", MODES)
def test_no_request_breaks_the_api_or_gets_an_answer_it_does_not_describe(
    running: RunningSite, description: Any, mode: GenerationMode
) -> None:
    sent = {"Authorization": f"Bearer {running.layout.api_key.read_text().strip()}"}
    answers: Counter[str] = Counter()
    names: set[str] = set()
    failures: dict[str, str] = {}
    for result in description.get_all_operations():
        operation = result.ok()
        names.add(operation.label)
        _try(operation, mode, sent, answers, failures)
    print(f"\n{mode.value}: {len(names)} operations, {sum(answers.values())} requests, {dict(sorted(answers.items()))}")
    assert failures == {}
    assert len(names) >= LEAST_OPERATIONS
    assert sum(answers.values()) >= len(names)


def _try(operation: Any, mode: GenerationMode, sent: Mapping[str, str], answers: Counter[str], failures: dict[str, str]) -> None:
    @seed(20_260_501)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        response = case.call(headers=sent, timeout=30)
        answers[str(response.status_code)] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as found:
            for failure in found.exceptions:
                failures[f"{operation.label}: {failure}"] = case.as_curl_command()

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
        send()


def test_what_the_description_shows_as_a_request_is_one(client: Client) -> None:
    """The examples are sent in an order in which each finds what it needs."""

    def sent(name: str) -> dict[str, Any]:
        return {**MODELS[name]}

    made = client.people("POST", "sites", json={**sent("NewSite"), "site_id": "example"})
    assert made["name"] == "Hillside"
    assert client.change_site("example", sent("SiteChange")).name == "Hillside north"
    client.people("POST", "organisations", json={**sent("NewOrganisation"), "organisation_id": "shown"})
    assert client.change_organisation("shown", sent("OrganisationChange")).contact == "crew@hillside.example"
    device = {**sent("NewDevice"), "device_id": "shown", "site_id": "example"}
    client.people("POST", "devices", json=[device])
    assert client.change_device("shown", sent("DeviceChange")).serial == "R0017"
    client.people("POST", "devices", "shown", "lifecycle", json=sent("Step"))
    assert client.people("POST", "devices", "shown", "rotation", json=sent("NewRotation"))["secret"]
    assert client.people("PUT", "thresholds", json={**sent("NewThreshold"), "site": "example"})["bound"] == 0.5
    window = {**sent("NewMaintenance"), "site": "example", "device": "shown"}
    assert client.people("POST", "maintenance", json=window)["device"] == "shown"
    assert client.people("POST", "webhooks", json={**sent("NewWebhook"), "name": "shown", "site": "example"})["secret"]
    assert client.people("PATCH", "webhooks", "shown", json=sent("WebhookChange"))["is_enabled"] is False
    assert client.people("PUT", "profiles", "shown", json=sent("ProfileFields"))["rates_hz"] == {"bsm": 10, "spat": 10}
    assert client.people("POST", "sites", "example", "areas", json=sent("NewArea"))["area_id"] == "oval"
    area = client.people("PATCH", "sites", "example", "areas", "oval", json=sent("AreaChange"), headers={"If-Match": "*"})
    assert area["name"] == "The north oval"
    now = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)
    span = {name: (now + datetime.timedelta(hours=hours)).isoformat() for name, hours in (("starts", 1), ("ends", 2))}
    client.people("POST", "devices", json=[{"device_id": "car-1", "kind": "vehicle", "site_id": "example", "team": "shown"}])
    booking = {**sent("NewBooking"), "team": "shown", **span}
    assert client.people("POST", "sites", "example", "bookings", json=booking)["area_id"] == "oval"
    assert client.people("POST", "sites", "example", "permits", json={**sent("NewPermit"), **span})["vehicle"] == "car-1"
    assert client.people("POST", "sites", "example", "events", json=sent("Mark"))["capture"] == "pending"
    assert client.people("POST", "sites", "example", "stop", json=sent("Press"))["presses"] == 1
    assert client.people("POST", "sites", "example", "stop", "release", json=sent("Release"))["released"]
    assert client.people("POST", "sites", "example", "cases", json=sent("NewCase"))["state"] == "acting"
    told = client.people("POST", "sites", "example", "citizen-reports", json=sent("CitizenReport"))
    change = client.people("PATCH", "sites", "example", "cases", str(told["case_id"]), json=sent("CaseChange"))
    assert (told["kind"], change["state"]) == ("congestion", "resolved")
    rule = client.people("PUT", "sites", "example", "rules", "warn", json=sent("NewRule"))
    assert (rule["version"], rule["record"]["done"]) == (1, 0)
    zone = client.people("PUT", "sites", "example", "private-zones", "depot", json=sent("Zone"))
    assert zone["reason"] == "a depot"
    assert client.people("PUT", "retention", "bsm", json=sent("Keeping"))["keep_hours"] == 720
    assert client.people("POST", "exports", json={**sent("NewExport"), "recipient": "shown"})["files"][0]["stream"] == "bsm"
    key = {**sent("NewProvisioningKey"), "name": "shown", "site_id": "example"}
    assert client.people("POST", "provisioning-keys", json=key)["key"]
    roles = [{"site": "example", "role": "operator"}]
    client.people(
        "POST", "users", json={**sent("NewUser"), "user_name": "fang", "password": sent("Login")["password"], "roles": roles}
    )
    assert client.login("fang", sent("Login")["password"])["token"]
    assert client.people("POST", "keys", json={**sent("NewKey"), "owner": "fang"})["key"]
    assert client.change_user("fang", sent("UserChange"))["roles"] == [{"site": None, "role": "viewer"}]

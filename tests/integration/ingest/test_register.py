"""Who may speak, and as what: rows of the register that ingest does not know, and devices that speak as another kind."""

from __future__ import annotations

from chelu.bus import Session
from chelu.clock import SystemClock
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.test_ingest import now_us, settled
from tests.unit.ingest.crafted import bsm, deployed
from tests.waiting import until


def test_devices_this_version_does_not_know_stop_nothing_and_are_said_once(cold_site: Site) -> None:
    cold_site.register("drone", "drone")
    cold_site.register("wrapped", "obu", "an envelope of tomorrow")
    cold_site.start()
    session = Session(cold_site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    for name in ("o1", "wrapped", "o1"):
        assert session.publish(f"obu/{name}/bsm/up", bsm(time_us=now_us())).wait(5)
    assert settled(cold_site, 3) == (3, 2, {"unregistered": 1})
    cold_site.register("new", "obu")
    assert session.publish("obu/new/bsm/up", bsm(time_us=now_us())).wait(5)
    assert settled(cold_site, 4) == (4, 3, {"unregistered": 1})
    session.stop()
    assert [cold_site.log.count(f"device {name} is passed over") for name in ("drone", "wrapped")] == [1, 1]


def test_an_obu_that_speaks_as_a_roadside_unit_is_refused_and_heard_once_the_register_says_so(site: Site) -> None:
    session = Session(site.broker.url, client_id="o1", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    payload = deployed([bsm(time_us=now_us())], reference_us=now_us())
    assert session.publish("rsu/o1/bsm/up", payload, qos=1, sequence=7).wait(5)
    assert settled(site, 1) == (1, 0, {"unregistered": 1})
    assert site.rows("SELECT topic, device_id, reason, detail FROM stream.dead_letter") == [
        ("rsu/o1/bsm/up", "o1", "unregistered", "o1 is registered as obu, not as rsu")
    ]
    with_change = "UPDATE register.device SET kind = 'rsu' WHERE device_id = 'o1' RETURNING device_key"
    assert site.one(with_change)
    until(lambda: _is_stored(session, payload, site), 10, "the row")
    session.stop()
    assert site.one("SELECT count(*) FROM stream.bsm") == 1


def _is_stored(session: Session, payload: bytes, site: Site) -> bool:
    session.publish("rsu/o1/bsm/up", payload, qos=1, sequence=7).wait(5)
    return bool(site.one("SELECT count(*) FROM stream.bsm"))

"""What Prometheus reads from ingest."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.local.ports import free_port
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.proxy import Proxy
from tests.integration.ingest.test_ingest import now_us, settled
from tests.unit.ingest.crafted import bsm
from tests.waiting import until

Samples = dict[tuple[str, ...], float]


def scrape(port: int) -> Samples:
    """Name and label values → value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_scrape_says_what_the_books_say_and_what_is_up(cold_site: Site, proxy: Proxy) -> None:
    port = free_port()
    cold_site.environ["CHELU_INGEST_METRICS_PORT"] = str(port)
    cold_site.start()
    session = Session(cold_site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    for payload in (bsm(time_us=now_us()), b"\xff\xff\xff", bsm(time_us=now_us())):
        assert session.publish("obu/o1/bsm/up", payload).wait(5)
    settled(cold_site, 3)
    found = until(lambda: seen if (seen := scrape(port)).get(("chelu_ingest_received_rows_total", "bsm")) == 3 else None, 5, "3")
    assert found is not None
    assert found["chelu_ingest_stored_rows_total", "bsm"] == 2
    assert sum(value for name, value in found.items() if name[0] == "chelu_ingest_dropped_rows_total") == 1
    assert found["chelu_ingest_batch_seconds_count", "write"] >= 1
    ups = ("database_up", "broker_up", "spool_up")
    assert [found[f"chelu_ingest_{name}",] for name in ups] == [1, 1, 1]
    assert (found["chelu_ingest_held_messages",], found["chelu_ingest_spool_bytes",]) == (0, 0)
    proxy.is_shut = True
    session.publish("obu/o1/bsm/up", bsm(time_us=now_us()))
    until(lambda: scrape(port)["chelu_ingest_spool_bytes",] > 0, 5, "a message in the spool")
    assert scrape(port)["chelu_ingest_database_up",] == 0
    session.stop()

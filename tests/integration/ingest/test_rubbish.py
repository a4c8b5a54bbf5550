"""Rubbish at a high rate beside good traffic: it is counted, and costs nobody else anything."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

from tests.integration.ingest.conftest import Site
from tests.waiting import until

DEVICES = 100
RUBBISH_RATE = float(os.environ.get("CHELU_TEST_RUBBISH_RATE", "1000"))
GOOD_RATE = float(os.environ.get("CHELU_TEST_GOOD_RATE", "200"))
SECONDS = float(os.environ.get("CHELU_TEST_SECONDS", "3"))
KEPT_PER_MINUTE = 120  # dead letters of a reason, by default
LINES_PER_MINUTE = 60


def test_rubbish_beside_good_traffic_is_bounded_and_the_good_rows_are_stored(site: Site) -> None:
    """CHELU_TEST_RUBBISH_RATE, CHELU_TEST_GOOD_RATE and CHELU_TEST_SECONDS make it a measurement: run with -s."""
    with psycopg.connect(site.url) as connection:
        connection.execute(
            "INSERT INTO register.device (device_id, kind, site_id) SELECT 'f' || n, 'obu', 's' FROM generate_series(0, %s) n",
            (DEVICES - 1,),
        )
    rubbish, good = _flood(site, RUBBISH_RATE, "rubbish"), _flood(site, GOOD_RATE)
    bad, sent = int(rubbish.communicate()[0]), int(good.communicate()[0])
    until(lambda: site.books()[0] >= bad + sent, 60, f"{bad + sent} rows in the books")
    received, stored, dropped = site.books()
    assert (received, stored, sum(dropped.values())) == (bad + sent, sent, bad)
    assert site.one("SELECT count(*) FROM stream.bsm") == sent
    letters = site.one("SELECT count(*) FROM stream.dead_letter")
    minutes = 1 + SECONDS // 60 + 1
    assert letters <= KEPT_PER_MINUTE * len(dropped) * minutes
    lines = site.log.count("row refused as")
    assert lines <= LINES_PER_MINUTE * minutes
    latency = site.rows(
        "SELECT percentile_cont(array[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM committed - time) * 1000)"
        " FROM stream.bsm JOIN stream.batch USING (batch_id)"
    )[0][0]
    print(
        f"\n{bad} messages of rubbish in {SECONDS:.0f} s: {dropped}; {letters} dead letters, {lines} lines of log;"
        f" {stored} of {sent} good rows, publish to stored p50 {latency[0]:.0f} p95 {latency[1]:.0f} p99 {latency[2]:.0f} ms"
    )


def _flood(site: Site, rate: float, *what: str) -> subprocess.Popen[str]:
    arguments = [site.broker.host, str(site.broker.port), str(SECONDS), str(rate), str(DEVICES), *what]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ingest.flood", *arguments], stdout=subprocess.PIPE, text=True
    )

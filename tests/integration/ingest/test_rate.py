from __future__ import annotations

import os
import subprocess
import sys

import psutil
import psycopg

from tests.integration.ingest.conftest import Site
from tests.waiting import until

DEVICES = 500
RATE = float(os.environ.get("CHELU_TEST_RATE", "4000"))
SECONDS = float(os.environ.get("CHELU_TEST_SECONDS", "3"))


def test_a_steady_flood_of_single_bsms_is_stored_whole(site: Site) -> None:
    """CHELU_TEST_RATE and CHELU_TEST_SECONDS make it a measurement: run with -s."""
    with psycopg.connect(site.url) as connection:
        connection.execute(
            "INSERT INTO register.device (device_id, kind, site_id) SELECT 'f' || n, 'obu', 's' FROM generate_series(0, %s) n",
            (DEVICES - 1,),
        )
    process = psutil.Process(site.processes[-1].pid)
    arguments = [site.broker.host, str(site.broker.port), str(SECONDS), str(RATE), str(DEVICES)]
    flood = subprocess.run(
        [sys.executable, "-m", "tests.integration.ingest.flood", *arguments], capture_output=True, check=True, text=True
    )
    sent = int(flood.stdout)
    until(lambda: site.books()[0] >= sent, 60, f"{sent} rows in the books, not {site.books()}")
    received, stored, dropped = site.books()
    assert (received, stored, dropped) == (sent, sent, {})
    seconds = site.one(
        "SELECT extract(epoch FROM max(committed) - min(arrival)) FROM stream.bsm JOIN stream.batch USING (batch_id)"
    )
    latency = site.rows(
        "SELECT percentile_cont(array[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM committed - time) * 1000)"
        " FROM stream.bsm JOIN stream.batch USING (batch_id)"
    )[0][0]
    times = process.cpu_times()
    print(
        f"\n{sent} rows in {float(seconds):.2f} s = {sent / float(seconds):.0f} rows/s;"
        f" publish to stored p50 {latency[0]:.0f} p95 {latency[1]:.0f} p99 {latency[2]:.0f} ms;"
        f" ingest used {times.user + times.system:.1f} s of processor, {process.memory_info().rss >> 20} MiB"
    )

"""`chelu bench` as a user runs it, in its shortest forms: what it writes holds together; interrupted, it leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import until

CHELU = str(Path(sys.executable).with_name("chelu"))


def test_a_short_soak_stores_everything_and_is_judged_by_its_own_bars(mosquitto: object, tmp_path: Path) -> None:
    file, plots = tmp_path / "soak.json", tmp_path / "plots"
    command = [CHELU, "bench", "soak", "--minutes", "0.1", "--rate", "1500", "--json", str(file), "--plots", str(plots)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    found = json.loads(file.read_text())
    soak = found["parts"]["soak"]["series"]["soak"]
    run = soak["run"]
    assert run["sent"] == run["stored"] >= 6 * 1500 * 0.9, done.stdout + done.stderr
    assert (found["soak_lost"]["median"], found["soak_dropped"]["median"]) == (0, 0)
    workers = {f"ingest-{number}" for number in range(2, soak["workers"] + 1)}
    assert set(run["cpu_us_a_row"]) == {"database", "broker", "registry", "ingest", "load"} | workers
    assert all(cost > 0 for cost in run["cpu_us_a_row"].values())
    assert 0 < run["latency_ms"]["p50"] <= run["latency_ms"]["p99"]
    assert done.returncode == int(not all(one["is_met"] for one in found.values() if isinstance(one, dict) and "is_met" in one))
    assert (plots / "soak.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_ends_its_site_and_leaves_no_files(mosquitto: object, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o711)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [CHELU, "bench", "soak", "--minutes", "5", "--rate", "500"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            until(lambda: list(temporary.glob("*/load.log")) or process.poll() is not None, 90, "the load to begin")
        finally:  # else a load that never begins would be waited for
            process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert list(temporary.iterdir()) == []


def test_a_part_that_there_is_not_is_refused_in_a_sentence() -> None:
    done = subprocess.run([CHELU, "bench", "nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nonsense" in done.stderr

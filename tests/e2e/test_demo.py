"""The demo, as a new user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_demo_passes_and_leaves_its_summary_and_picture(mosquitto: object, tmp_path: Path) -> None:
    summary, picture = tmp_path / "demo.json", tmp_path / "demo.png"
    command = [str(Path(sys.executable).with_name("chelu")), "demo", "--seconds", "60"]
    done = subprocess.run(
        [*command, "--summary", str(summary), "--picture", str(picture)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(summary.read_text())
    assert found["failures"] == []
    assert found["published"] == found["stored"] + sum(found["dropped"].values())
    assert found["stored"] > 60 * 10 * 300
    assert found["warnings"]["fcw"] >= 1
    assert found["warnings"]["icw"] >= 2
    assert all(found["latency_ms"][path]["p50"] > 0 for path in ("publish_to_stored", "publish_to_warning"))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_demo_longer_than_the_recording_is_refused(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("chelu")), "demo", "--seconds", "1000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--seconds = 1000" in done.stderr

"""The deployed broker's configuration, read by a real mosquitto."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from chelu.clock import SystemClock
from chelu.local.packages import Unpacked
from chelu.local.ports import LOOPBACK, accepts, free_port
from chelu.local.process import Program
from chelu.local.supervisor import Supervisor

ROOT = Path(__file__).parents[3]


def deployed(work: Path, port: int) -> str:
    """deploy/mosquitto.conf with this test's directories and port."""
    text = (ROOT / "deploy" / "mosquitto.conf").read_text()
    text = text.replace("listener 1883 0.0.0.0", f"listener {port} {LOOPBACK}")
    text = text.replace("/run/chelu", str(work)).replace("/mosquitto/data", str(work))
    return text + ("user root\n" if os.geteuid() == 0 else "")


def test_mosquitto_accepts_the_deployed_configuration(mosquitto: Unpacked, tmp_path: Path) -> None:
    for name in ("passwords", "acl"):
        (tmp_path / name).touch()
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "mosquitto.conf").write_text(deployed(tmp_path, port))
    command = (str(mosquitto.executable), "-c", str(tmp_path / "mosquitto.conf"))
    supervisor = Supervisor(SystemClock())
    try:
        supervisor.start(
            Program(name="broker", command=command, log=log, is_ready=lambda: accepts(port), environment=mosquitto.environment)
        )
        assert int((tmp_path / "mosquitto.pid").read_text()) == supervisor.pid("broker")
    finally:
        supervisor.close()
    assert "Error" not in log.read_text()


def test_mosquitto_refuses_a_setting_that_does_not_exist(mosquitto: Unpacked, tmp_path: Path) -> None:
    file = tmp_path / "mosquitto.conf"
    file.write_text(deployed(tmp_path, free_port()) + "no_such_setting true\n")
    environment = {**os.environ, **mosquitto.environment}
    done = subprocess.run([mosquitto.executable, "-c", file], env=environment, capture_output=True, check=False, timeout=20)
    assert done.returncode != 0

"""The real agent and the real registry: configuration kept over a kill, commands done, packages installed, a full disk borne."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chelu.api import Client
from chelu.signing import Signer
from chelu.topics import Kind
from tests.fix_small_disk import SmallDisk
from tests.integration.registry.conftest import AddDevice, Place, chelu
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import command, configure, newest, state_is
from tests.waiting import until

__all__ = ["registry_account"]

AGENT = """
kind = "rsu"
id = "{name}"
broker = "mqtt://127.0.0.1:{port}"
credential_file = "secret"
heartbeat_s = 3600
run_status_s = 3600
[spool]
directory = "{spool}"
[delivery]
receipts = false
[upgrade]
directory = "{packages}"
keys_file = "keys"
[upgrade.versions]
rsu-os = "1.0"
"""


@pytest.fixture(scope="module")
def signer(client: Client) -> Signer:
    made = Signer.new()
    client.people("POST", "signing-keys", json={"name": "maker", "public_key": made.public_key})
    return made


class Agent:
    """``python -m edge``."""

    def __init__(self, directory: Path, name: str, secret: str | None, port: int, signer: Signer, packages: Path | None) -> None:
        self.directory, self.packages = directory, packages or directory / "packages"
        directory.mkdir(exist_ok=True)
        (directory / "secret").write_text(secret or "")
        (directory / "keys").write_text(f"maker {signer.public_key}\n")
        text = AGENT.format(name=name, port=port, spool=directory / "spool", packages=self.packages)
        (directory / "agent.toml").write_text(text)
        self.start()

    def start(self) -> None:
        ready = self.directory / "ready"
        ready.unlink(missing_ok=True)
        with (self.directory / "log").open("ab") as log:
            environment = {**os.environ, "CHELU_READY_FILE": str(ready)}
            arguments = [sys.executable, "-m", "edge", "--config", str(self.directory / "agent.toml")]
            self.process = subprocess.Popen(arguments, env=environment, stderr=log)
        until(ready.exists, 20, "the agent to be ready")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


Run = Callable[..., Agent]


@pytest.fixture
def run(
    client: Client, mosquitto_port: int, add_device: AddDevice, signer: Signer, tmp_path: Path, place: Place
) -> Iterator[Run]:
    agents: list[Agent] = []
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")

    def run(name: str, packages: Path | None = None) -> Agent:
        secret = add_device(name, Kind.RSU, model="gantry").secret
        agents.append(Agent(tmp_path / name, name, secret, mosquitto_port, signer, packages))
        until(lambda: client.people("GET", "devices", name, "config")["versions"], 20, f"{name} to say who it is")
        return agents[-1]

    yield run
    for agent in agents:
        if agent.process.poll() is None:
            agent.process.terminate()
            assert agent.process.wait(15) == 0, (agent.directory / "log").read_text()


def upload(place: Place, directory: Path, signer: Signer, version: str, content: bytes) -> int:
    file, key = directory / f"image-{version}", directory / "maker.pem"
    file.write_bytes(content)
    key.write_bytes(signer.pem())
    named = ("--name", "rsu-os", "--version", version, "--key", str(key), "--maker", "maker", "--json")
    added = chelu(place, "firmware", "upload", str(file), *named)
    assert added.returncode == 0, added.stderr
    package = json.loads(added.stdout)
    assert (package["sha256"], package["is_there"]) == (hashlib.sha256(content).hexdigest(), True)
    assert chelu(place, "firmware", "allow", str(package["package_id"]), "--model", "gantry").returncode == 0
    return int(package["package_id"])


def install(client: Client, name: str, device: str, package: int, **more: Any) -> None:
    body = {"campaign_id": name, "selection": {"devices": [device]}, "package_id": package, "waves": [1.0], "most_failed": 1.0}
    client.people("POST", "campaigns", json={**body, **more})
    until(lambda: client.people("GET", "campaigns", name, "devices")["devices"][0]["number"], 10, f"{device}'s turn")


def test_a_configuration_is_kept_over_a_kill(client: Client, run: Run) -> None:
    agent = run("keeps")
    configure(client, {"heartbeat_s": 2.5, "muted_streams": ["spat", "bsm"]}, "keeps")
    state_is(client, "keeps", "applied")
    agent.kill()
    agent.start()
    before = client.people("GET", "devices", "keeps", "config")["said"]
    until(lambda: client.people("GET", "devices", "keeps", "config")["said"] >= before, 20, "the new start")
    shown = client.people("GET", "devices", "keeps", "config")
    assert (shown["reported"]["heartbeat_s"], shown["reported"]["muted_streams"], shown["differences"]) == (
        2.5,
        ["bsm", "spat"],
        [],
    )


def test_commands_are_done_and_a_reboot_is_answered_after_the_start(client: Client, run: Run) -> None:
    agent = run("obeys")
    for name, parameters in (("ping", {}), ("log_level", {"level": "DEBUG"}), ("capture", {"seconds": 1})):
        command(client, name, "obeys", parameters=parameters)
        state_is(client, "obeys", "applied")
    found = newest(client, "obeys")["answer"]
    captured = agent.directory / "spool" / "captures" / found["file"]
    assert hashlib.sha256(captured.read_bytes()).hexdigest() == found["sha256"]
    assert captured.read_bytes().count(b"\n") == found["messages"]
    starts = (agent.directory / "log").read_text().count("obeys starts")
    command(client, "reboot", "obeys")
    state_is(client, "obeys", "applied")
    assert (agent.directory / "log").read_text().count("obeys starts") == starts + 1
    assert agent.process.poll() is None
    command(client, "ping", "obeys")
    state_is(client, "obeys", "applied")


def test_firmware_is_installed_in_spite_of_a_kill_and_taken_back(
    client: Client, run: Run, place: Place, signer: Signer, tmp_path: Path
) -> None:
    agent = run("upgrades")
    content = os.urandom(30_000_000)
    package = upload(place, tmp_path, signer, "2.0", content)
    install(client, "kill", "upgrades", package)
    part = agent.packages / "parts" / hashlib.sha256(content).hexdigest()
    until(lambda: part.exists() and part.stat().st_size > 2_000_000, 30, "a part of it")
    agent.kill()
    had = part.stat().st_size
    assert had < len(content)
    agent.start()
    state_is(client, "upgrades", "applied")
    assert (agent.packages / "rsu-os" / "current").read_bytes() == content
    assert client.people("GET", "devices", "upgrades", "config")["versions"] == {"rsu-os": "2.0"}
    client.people("POST", "campaigns", "kill", "roll-back")
    until(lambda: client.people("GET", "campaigns", "kill")["phase"] == "rolled back", 20, "the way back")
    assert client.people("GET", "devices", "upgrades", "config")["versions"] == {"rsu-os": "1.0"}


def test_a_full_disk_while_upgrading_is_said_and_nothing_else_breaks(
    client: Client, run: Run, place: Place, signer: Signer, tmp_path: Path, small_disk: SmallDisk
) -> None:
    agent = run("crowded", small_disk.path / "packages")
    small = upload(place, tmp_path, signer, "3.0", os.urandom(300_000))
    large = upload(place, tmp_path, signer, "3.1", os.urandom(3_000_000))
    install(client, "large", "crowded", large)
    failed = state_is(client, "crowded", "failed")
    assert failed["detail"].startswith("no room: 3000000 bytes are needed")
    small_disk.fill(leave_bytes=20_000)
    install(client, "full", "crowded", small)
    failed = state_is(client, "crowded", "failed")
    assert "no room" in failed["detail"] or "disk" in failed["detail"]
    command(client, "ping", "crowded")
    state_is(client, "crowded", "applied")
    small_disk.free()
    install(client, "room", "crowded", small)
    state_is(client, "crowded", "applied")
    assert (agent.packages / "rsu-os" / "current").stat().st_size == 300_000
    assert agent.process.poll() is None

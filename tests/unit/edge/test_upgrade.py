"""Packages on a device: orders read, makers checked, files switched, and an upgrader that picks up where it was."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chelu.clock import SystemClock
from chelu.signing import Signer, Statement
from edge.settings import UpgradeSettings
from edge.upgrade.download import Fetcher, StoppedError
from edge.upgrade.order import Upgrade, read
from edge.upgrade.store import Store
from edge.upgrade.upgrader import Upgrader
from tests.waiting import until

CONTENT = bytes(range(256)) * 10_000  # 2.56 MB: three pieces
DIGEST = hashlib.sha256(CONTENT).hexdigest()
SIGNER = Signer.new()
ORDER = {
    "seqNum": 5,
    "action": "install",
    "component": "firmware",
    "name": "rsu-os",
    "version": "2.0",
    "bytes": len(CONTENT),
    "sha256": DIGEST,
    "signature": SIGNER.sign(Statement("firmware", "rsu-os", "2.0", len(CONTENT), DIGEST)),
    "key": "maker",
    "url": "/content",
    "token": "5.x",
}


class Shelf:
    """An HTTP server that has the package, and breaks as the test says."""

    def __init__(self) -> None:
        self.content, self.ranges = CONTENT, list[str]()
        self.status = 206
        self.cut_at: int | None = None  # end the connection once, at this byte of the package
        shelf = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shelf.ranges.append(self.headers["Range"])
                start, _, stop = self.headers["Range"].removeprefix("bytes=").partition("-")
                piece = shelf.content[int(start) : int(stop) + 1]
                self.send_response(shelf.status)
                self.send_header("Content-Length", str(len(piece)))
                self.end_headers()
                if shelf.cut_at is not None and int(start) <= shelf.cut_at <= int(stop):
                    self.wfile.write(piece[: shelf.cut_at - int(start)])
                    shelf.cut_at = None
                    return
                self.wfile.write(piece)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    yield (made := Shelf())
    made.close()


class Device:
    """An upgrader with nothing around it but a directory."""

    def __init__(self, directory: Path, url: str, **more: Any) -> None:
        (directory / "keys").write_text(f"# makers\nmaker {SIGNER.public_key}\n")
        settings = UpgradeSettings.model_validate(
            {
                "directory": directory / "packages",
                "keys_file": directory / "keys",
                "registry": url,
                "versions": {"rsu-os": "1.0"},
                **more,
            }
        )
        self.answers: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.upgrader = Upgrader(
            settings,
            SystemClock(),
            answer=lambda answer: self.answers.append(json.loads(answer)),
            say=lambda stream, document: self.said.append({"stream": stream, **document}),
        )
        self.current = directory / "packages" / "rsu-os" / "current"

    def told(self, **change: object) -> None:
        self.upgrader.take(json.dumps({**ORDER, **change}).encode())

    def end(self, count: int = 1) -> dict[str, Any]:
        """The count-th end of an upgrade."""
        return until(lambda: found[count - 1] if len(found := self.ends()) >= count else None, 10, f"end {count}") or {}

    def ends(self) -> list[dict[str, Any]]:
        return [it for it in self.said if it["state"] in {"done", "failed"}]


Make = Callable[..., Device]


@pytest.fixture
def make(tmp_path: Path, shelf: Shelf) -> Iterator[Make]:
    devices: list[Device] = []

    def make(**more: Any) -> Device:
        devices.append(Device(tmp_path, shelf.url, **more))
        devices[-1].upgrader.start()
        return devices[-1]

    yield make
    for device in devices:
        device.upgrader.stop()


def test_a_package_is_fetched_checked_installed_and_each_step_said(make: Make, shelf: Shelf) -> None:
    device = make()
    device.told()
    end = device.end()
    assert (end["state"], end["errorCode"], end["versions"]) == ("done", 0, {"rsu-os": "2.0"})
    assert device.answers[0] | {"time_us": 0} == {"seqNum": 5, "errorCode": 0, "state": "received", "time_us": 0}
    assert [it["state"] for it in device.said] == ["downloading", "downloading", "downloading", "verifying", "installing", "done"]
    assert device.current.read_bytes() == CONTENT
    assert len(shelf.ranges) == 3
    device.told()
    assert device.end(2) == end  # known: told how it stands
    assert len(shelf.ranges) == 3


def test_what_has_come_is_not_asked_for_again_after_a_broken_connection_or_a_new_start(make: Make, shelf: Shelf) -> None:
    shelf.cut_at = 1_500_000
    shelf.status = 503
    device = make()
    device.told()
    until(lambda: shelf.ranges, 5, "a first try")
    device.upgrader.stop()  # as a kill would, in the middle
    shelf.status = 206
    again = make()
    assert again.end()["state"] == "done"
    starts = [int(each.removeprefix("bytes=").partition("-")[0]) for each in shelf.ranges]
    assert starts == sorted(starts)
    assert again.current.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signature": "0" * 128}, "is not what maker signed"),
        ({"version": "3.0"}, "is not what maker signed"),
        ({"component": "model"}, "is not what maker signed"),
        ({"bytes": len(CONTENT) - 1}, "is not what maker signed"),
        ({"key": "stranger"}, "key 'stranger' is not trusted here: maker"),
    ],
)
def test_what_no_trusted_maker_signed_is_not_even_fetched(make: Make, shelf: Shelf, change: dict[str, Any], said: str) -> None:
    device = make()
    device.told(**change)
    end = device.end()
    assert (end["state"], end["errorCode"], said in end["errorDesc"]) == ("failed", 2, True), end
    assert shelf.ranges == []
    assert end["versions"] == {"rsu-os": "1.0"}


def test_bytes_that_are_not_those_signed_are_given_up(make: Make, shelf: Shelf) -> None:
    shelf.content = bytes(len(CONTENT))
    device = make()
    device.told()
    assert "its SHA-256 is" in device.end()["errorDesc"]
    assert not device.current.exists()
    shelf.content = CONTENT
    device.told(seqNum=6)
    assert device.end(2)["state"] == "done"


def test_a_registry_that_does_not_give_it_any_more_ends_it(make: Make, shelf: Shelf) -> None:
    shelf.status = 404
    device = make()
    device.told()
    assert "the registry does not give it: 404" in device.end()["errorDesc"]
    shelf.content = json.dumps({"detail": "the time of order 6 is over"}).encode()
    device.told(seqNum=6)
    assert device.end(2)["errorDesc"] == "the registry does not give it: the time of order 6 is over"


def test_a_package_that_cannot_be_put_into_use_is_taken_out_again(make: Make) -> None:
    script = "import sys; sys.exit('no such sensor' if sys.argv[1] == '2.0' else 0)"
    device = make(activate=(sys.executable, "-c", script, "{version}"))
    device.told()
    end = device.end()
    assert "activating rsu-os 2.0 ended with 1: no such sensor" in end["errorDesc"]
    assert end["versions"] == {"rsu-os": "1.0"}
    assert not device.current.exists()  # the factory's


def killed_while(directory: Path, begun: Path, activate: str, order: dict[str, Any]) -> None:
    """An agent of its own process that is killed once its activation has made the file `begun`."""
    script = f"""
import sys; from pathlib import Path
from tests.unit.edge.test_upgrade import Device
device = Device(Path({str(directory)!r}), {order["url"]!r}, activate=(sys.executable, "-c", {activate!r}, "{{version}}"))
device.upgrader.start(); device.told(**{order!r}); device.end()
"""
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as agent:
        try:
            until(begun.exists, 30, "the activation to begin")
        finally:
            os.killpg(agent.pid, signal.SIGKILL)


def activation(directory: Path, then: str) -> str:
    """A command's text: it notes each version that it activates, and makes the file `begun` for 2.0."""
    return f"""
import sys, time; from pathlib import Path
with open({str(directory / "activated")!r}, "a") as file: print(sys.argv[1], file=file)
if sys.argv[1] == "2.0": Path({str(directory / "begun")!r}).touch(); {then}
"""


@pytest.mark.parametrize(("then", "state", "in_use"), [("", "done", "2.0"), ("sys.exit('no such sensor')", "failed", "1.0")])
def test_an_agent_killed_while_it_activates_activates_again_and_says_what_came_of_it(
    make: Make, shelf: Shelf, tmp_path: Path, then: str, state: str, in_use: str
) -> None:
    killed_while(tmp_path, tmp_path / "begun", activation(tmp_path, "time.sleep(600)"), {"url": f"{shelf.url}/content"})
    shelf.status = 404  # it is all here
    device = make(activate=(sys.executable, "-c", activation(tmp_path, then), "{version}"))
    assert device.upgrader.versions() == {"rsu-os": "1.0"} or device.ends()
    end = device.end()
    assert (end["state"], end["versions"]) == (state, {"rsu-os": in_use})
    assert device.current.exists() is (state == "done")
    assert (tmp_path / "activated").read_text().split() == ["2.0", "2.0", *(["1.0"] if state == "failed" else [])]


def test_a_switch_whose_order_was_overtaken_before_the_kill_is_taken_back(make: Make, shelf: Shelf, tmp_path: Path) -> None:
    killed_while(tmp_path, tmp_path / "begun", activation(tmp_path, "time.sleep(600)"), {"url": f"{shelf.url}/content"})
    file = tmp_path / "packages" / "job.json"
    kept_ = json.loads(file.read_text())
    file.write_text(json.dumps({**kept_, "job": {**kept_["job"], "number": 6, "name": "model", "version": "7"}}))
    device = make(activate=(sys.executable, "-c", activation(tmp_path, ""), "{version}"))
    assert device.end()["versions"] == {"rsu-os": "1.0"}
    assert not device.current.is_symlink()
    assert (tmp_path / "activated").read_text().split() == ["2.0", "1.0"]


def test_a_way_back_that_cannot_be_put_into_use_leaves_what_was(make: Make, tmp_path: Path) -> None:
    script = f"import sys; sys.exit(sys.argv[1] == '1.0' and not __import__('os').path.exists({str(tmp_path / 'ready')!r}))"
    device = make(activate=(sys.executable, "-c", script, "{version}"))
    device.told()
    assert device.end()["state"] == "done"
    device.told(seqNum=6, action="rollback", version="1.0")
    end = device.end(2)
    assert (end["state"], end["versions"], device.current.read_bytes()) == ("failed", {"rsu-os": "2.0"}, CONTENT)
    (tmp_path / "ready").touch()
    device.told(seqNum=7, action="rollback", version="1.0")
    assert device.end(3)["versions"] == {"rsu-os": "1.0"}


def test_what_an_activation_says_need_not_be_text(make: Make) -> None:
    script = r"import sys; sys.stderr.buffer.write(b'\264\305\305\314 is full\0'); sys.exit(1)"  # in GBK
    device = make(activate=(sys.executable, "-c", script))
    device.told()
    assert "ended with 1: \ufffd\ufffd\ufffd\ufffd is full\ufffd; then activating rsu-os 1.0" in device.end()["errorDesc"]


def test_an_activation_may_leave_a_program_running(make: Make, tmp_path: Path) -> None:
    device = make(activate=("/bin/sh", "-c", f"sleep 600 & echo $! > {tmp_path}/left"))
    device.told()
    try:
        assert device.end()["state"] == "done"
    finally:
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


def test_a_fault_of_the_agent_s_own_ends_an_order_and_not_the_agent(make: Make) -> None:
    device = make(activate=("{no_such_word}",))
    device.told()
    assert "KeyError: 'no_such_word'" in device.end()["errorDesc"]
    device.told(seqNum=6)
    assert device.end(2)["seqNum"] == 6


def test_what_an_earlier_agent_installed_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "rsu-os"
    folder.mkdir()
    for version in ("1.4", "1.5"):
        (folder / version).write_text(version)
    (folder / "current").symlink_to("1.5")
    (tmp_path / "installed.json").write_text('{"rsu-os": {"version": "1.5", "previous": "1.4"}}')
    store = Store(tmp_path, {"rsu-os": "1.0"})
    assert (store.versions(), store.begun()) == ({"rsu-os": "1.5"}, {})
    store.begin("rsu-os", "1.4")
    store.settle("rsu-os", keeps_former=False)
    assert (store.versions(), (folder / "current").read_text()) == ({"rsu-os": "1.4"}, "1.4")


def test_it_goes_back_to_what_was_before_and_to_the_factory_s(make: Make, shelf: Shelf) -> None:
    device = make()
    device.told()
    device.end()
    shelf.content = b"three"
    digest = hashlib.sha256(b"three").hexdigest()
    signature = SIGNER.sign(Statement("firmware", "rsu-os", "3.0", 5, digest))
    device.told(seqNum=6, version="3.0", bytes=5, sha256=digest, signature=signature)
    assert device.end(2)["versions"] == {"rsu-os": "3.0"}
    device.told(seqNum=7, action="rollback", version="2.0")
    assert device.end(3)["versions"] == {"rsu-os": "2.0"}
    assert device.current.read_bytes() == CONTENT
    device.told(seqNum=8, action="rollback", version="1.0")
    assert device.end(4)["versions"] == {"rsu-os": "1.0"}
    device.told(seqNum=9, action="rollback", version="0.5")
    assert "rsu-os 0.5 is not on this device any more" in device.end(5)["errorDesc"]


def test_a_newer_order_ends_the_older_one(make: Make, shelf: Shelf) -> None:
    shelf.status = 503
    device = make()
    device.told()
    until(lambda: shelf.ranges, 5, "a first try")
    shelf.status = 206
    device.told(seqNum=6)
    assert device.end()["seqNum"] == 6
    assert [it["seqNum"] for it in device.ends()] == [6]


@pytest.mark.parametrize(
    "change",
    [
        {"seqNum": "5"},
        {"action": "explode"},
        {"name": "../etc"},
        {"version": ".."},
        {"bytes": 0},
        {"bytes": 2**60},
        {"sha256": "AB"},
        {"component": "toaster"},
        {"url": 7},
        {"name": "parts"},
        {"name": "installed.json"},
        {"name": "job.json"},
        {"name": ".job.json.new"},
        {"version": "current"},
        {"version": ".current.new"},
    ],
)
def test_an_order_that_is_none_is_refused_by_field(make: Make, change: dict[str, Any]) -> None:
    device = make()
    device.told(**change)
    (answer,) = device.answers
    assert (answer["errorCode"], next(iter(change)) in answer["errorDesc"]) == (1, True)
    assert device.said == []


def test_other_parts_are_given_up_for_a_new_one(tmp_path: Path) -> None:
    store, upgrade = Store(tmp_path, {}), Upgrade(number=1, name="a", version="1", sha256="ab" * 32, size=1)
    store.part(upgrade).write_bytes(b"x")
    store.part(replace(upgrade, sha256="cd" * 32))
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_fetch_is_stopped_at_once(tmp_path: Path, shelf: Shelf) -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(StoppedError):
        Fetcher(shelf.url, None, stopping).fetch(read(json.dumps(ORDER).encode()), tmp_path / "part", lambda _: None)
    assert shelf.ranges == []

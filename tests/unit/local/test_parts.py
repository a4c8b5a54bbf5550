"""The parts of `chelu.local` that need no process."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from chelu.clock import VirtualClock
from chelu.errors import CannotStartError, ConfigurationError
from chelu.local import files, plan, ports, process, secrets, services, view
from chelu.local.files import Layout
from chelu.local.lock import SiteLock, holder
from chelu.local.mosquitto import Configuration, render
from chelu.local.packages import library_packages, missing_libraries
from chelu.local.plan import Options
from chelu.local.supervisor import BACKOFF_LONGEST_S, backoff_s

LDD = """
\tlinux-vdso.so.1 (0x00007ffd)
\tlibwrap.so.0 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
\tlibcjson.so.1 => not found
"""
DEPENDS = """mosquitto
  Depends: adduser
  Depends: libc6
 |Depends: libwrap0
  Depends: libcjson1
  PreDepends: libx
  Suggests: libsuggested
  Depends: <libvirtual>
"""


def test_pauses_between_restarts_grow_to_a_limit() -> None:
    assert [backoff_s(failures) for failures in (1, 2, 3)] == [0.2, 0.4, 0.8]
    assert backoff_s(1_000_000) == BACKOFF_LONGEST_S


def test_missing_libraries_and_the_packages_to_look_in_are_read_from_the_tools() -> None:
    assert missing_libraries(LDD) == ["libwrap.so.0", "libcjson.so.1"]
    assert library_packages(DEPENDS) == ["libwrap0", "libcjson1", "libx"]


def test_a_broker_with_accounts_lets_nobody_in_without_one(tmp_path: Path) -> None:
    text = render(Configuration(port=1, password_file=tmp_path / "p", acl_file=tmp_path / "a"), is_root=False)
    assert "allow_anonymous false" in text
    assert "use_username_as_clientid true" in text
    assert "user root" not in text
    assert "user root" in render(Configuration(port=1), is_root=True)


def test_the_last_words_of_a_start_are_not_those_of_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    offset = process.size(log)
    assert process.last_line(log, since=offset) == ""
    with log.open("a") as file:
        file.write("now\n\n")
    assert process.last_line(log, since=offset) == "now"
    assert process.last_line(tmp_path / "none") == ""


def test_files_are_replaced_whole_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.json"
    files.write_json(path, {"a": 1})
    files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["x.json"]
    path.write_text("{torn")
    assert files.read_json(path) == {}


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = secrets.load(layout, accounts=("registry",))
    second = secrets.load(layout, accounts=("registry", "ingest"))
    assert second.api_key == first.api_key
    assert second.accounts["registry"] == first.accounts["registry"]
    assert set(json.loads(layout.accounts.read_text())) == {"registry", "ingest"}
    assert len({first.api_key, first.database_password, *second.accounts.values()}) == 4


def test_only_the_holder_of_a_lock_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    with SiteLock(path):
        assert holder(path) == os.getpid()
        with pytest.raises(CannotStartError, match=f"process {os.getpid()}"):
            SiteLock(path).__enter__()
    assert holder(path) is None


def test_a_lock_left_by_a_killed_process_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("1\n")
    assert holder(path) is None
    with SiteLock(path):
        assert holder(path) == os.getpid()


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (90_061, "1 d 1 h"), (-5, "0 s")])
def test_durations_are_short(seconds: int, text: str) -> None:
    assert view.duration(seconds) == text


def test_the_last_lines_of_logs_are_named_when_there_are_several(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text("1\n2\n3\n")
    both = list(view.read(sorted(tmp_path.glob("*.log")), lines=2, clock=None))
    assert [line.split() for line in both] == [["a", "2"], ["a", "3"], ["b", "2"], ["b", "3"]]
    assert list(view.read([tmp_path / "a.log"], lines=0, clock=None)) == []


def test_a_log_that_was_set_aside_is_followed_from_its_new_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("a long first line\n")
    lines = view.read([log], lines=1, clock=VirtualClock(0))
    assert next(lines) == "a long first line"
    log.write_text("new\n")
    assert next(lines) == "new"


def test_each_service_gets_its_own_account_and_no_other(tmp_path: Path) -> None:
    around = surroundings(tmp_path, {"ingest": "one", "registry": "two"})
    environment = services.environment(around, "ingest")
    assert environment["CHELU_MQTT_URL"] == "mqtt://ingest:one@127.0.0.1:1883"
    assert "two" not in " ".join(environment.values())


def test_somebody_elses_broker_gets_no_files(tmp_path: Path) -> None:
    environment = services.environment(surroundings(tmp_path, {}), "registry")
    assert environment["CHELU_MQTT_URL"] == "mqtt://127.0.0.1:1883"
    assert "CHELU_REGISTRY_PASSWORD_FILE" not in environment


def test_a_broker_url_of_another_kind_is_refused(tmp_path: Path) -> None:
    options = Options(mqtt_url="amqp://u:secret@h", database_url="postgresql://h/x", api_port=0)
    with ports.Claims() as claims, pytest.raises(ConfigurationError, match="mqtt://host") as caught:
        plan.make(Layout(tmp_path), options, claims)
    assert "secret" not in str(caught.value)


def surroundings(data: Path, accounts: dict[str, str]) -> services.Surroundings:
    endpoints = services.Endpoints(
        api_url="http://127.0.0.1:8080",
        api_key_file="",
        mqtt_url="mqtt://127.0.0.1:1883",
        mqtt_host="127.0.0.1",
        mqtt_port=1883,
        database_url="postgresql://127.0.0.1/chelu",
        data=str(data),
        broker="",
    )
    return services.Surroundings(
        layout=Layout(data), endpoints=endpoints, accounts=accounts, api_key="key", api_host="127.0.0.1", api_port=8080
    )

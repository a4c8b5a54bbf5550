"""The registry as a process: preparing, starting, ending, and saying why it cannot."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import psycopg
import pytest

from chelu.local.ports import LOOPBACK
from services.registry.credentials import is_verified
from tests.integration.registry.conftest import ACCOUNTS, KEY, Place, run_registry


def test_preparing_writes_the_brokers_files_for_their_owner_only(place: Place) -> None:
    lines = dict(line.split(":", 1) for line in place.password_file.read_text().splitlines())
    assert all(is_verified(password, lines[name]) for name, password in ACCOUNTS.items())
    assert "pattern write obu/%u/bsm/up" in place.acl_file.read_text().splitlines()
    assert {path.stat().st_mode & 0o777 for path in (place.password_file, place.acl_file)} == {0o600}


def test_preparing_again_changes_nothing(place: Place) -> None:
    before = place.password_file.stat().st_ino, place.acl_file.stat().st_ino
    again = run_registry("prepare", environment=place.environment())
    assert again.returncode == 0, again.stderr
    assert (place.password_file.stat().st_ino, place.acl_file.stat().st_ino) == before


def test_options_name_other_files(place: Place, tmp_path: Path) -> None:
    environment = place.environment()
    files = ["--password-file", str(tmp_path / "p"), "--acl-file", str(tmp_path / "a")]
    assert run_registry("prepare", *files, environment=environment).returncode == 0
    assert (tmp_path / "p").read_text() == place.password_file.read_text()
    assert (tmp_path / "a").read_text() == place.acl_file.read_text()


def test_an_account_that_is_given_up_counts_no_more(place: Place, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    accounts.write_text('{"ingest": "another"}')
    files = ["--password-file", str(tmp_path / "p"), "--acl-file", str(tmp_path / "a")]
    environment = {**place.environment(), "CHELU_REGISTRY_ACCOUNTS_FILE": str(accounts)}
    assert run_registry("prepare", *files, environment=environment).returncode == 0
    (line,) = (tmp_path / "p").read_text().splitlines()
    assert is_verified("another", line.removeprefix("ingest:"))
    assert run_registry("prepare", environment=place.environment()).returncode == 0
    assert len(place.password_file.read_text().splitlines()) == len(ACCOUNTS)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"CHELU_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "the database at 127.0.0.1:1/none cannot be reached"),
        ({"CHELU_DATABASE_URL": ""}, "database_url = '' is not allowed"),
        ({"CHELU_REGISTRY_PORT": "-1"}, "port = '-1' is not allowed"),
        ({"CHELU_REGISTRY_HOST": "203.0.113.1"}, "203.0.113.1:"),
        ({"CHELU_REGISTRY_ACCOUNTS_FILE": "/nowhere/accounts"}, "accounts_file = '/nowhere/accounts' is not allowed"),
        ({"CHELU_REGISTRY_ACL_FILE": "/nowhere/acl"}, "/nowhere/acl cannot be written"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(place: Place, changes: dict[str, str], why: str) -> None:
    ended = run_registry(environment={**place.environment(), **changes})
    assert ended.returncode == 1
    assert why in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_one_sentence(place: Place) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_registry(environment={**place.environment(), "CHELU_REGISTRY_PORT": port})
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on (Address already in use)" in ended.stderr.splitlines()[-1]


def test_neither_key_nor_secret_is_in_the_database(place: Place) -> None:
    assert run_registry("prepare", environment=place.environment()).returncode == 0
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute("SELECT name, hash FROM register.api_key").fetchall()
        accounts = connection.execute("SELECT verifier FROM register.service_account").fetchall()
    assert [name for name, _ in rows] == ["administrator"]
    assert KEY.encode() not in bytes(rows[0][1])
    assert all(str(line).startswith("$7$101$") for (line,) in accounts)


def test_preparing_signals_nobody(place: Place, tmp_path: Path) -> None:
    innocent = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "pid").write_text(str(innocent.pid))
        environment = {**place.environment(), "CHELU_REGISTRY_BROKER_PID_FILE": str(tmp_path / "pid")}
        files = ["--password-file", str(tmp_path / "p"), "--acl-file", str(tmp_path / "a")]
        assert run_registry("prepare", *files, environment=environment).returncode == 0
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()

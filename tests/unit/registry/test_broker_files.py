"""The broker's files: whole, private, only when changed; and the thread that keeps them in step."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.errors import CannotStartError, UnreachableError
from services.registry.broker_files import BrokerFiles, BrokerState, Follower, replace
from services.registry.broker_reload import CONNECT, Broker
from tests.waiting import until


def state(*users: str) -> BrokerState:
    return BrokerState({user: f"$7$101$salt${user}" for user in users}, ("ingest",), ())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "broker"
    path.mkdir()
    return path


@pytest.fixture
def hangups() -> Iterator[list[int]]:
    """SIGHUPs that this process is sent."""
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGHUP, before)


def test_a_file_is_replaced_whole_private_and_only_when_it_differs(directory: Path) -> None:
    file = directory / "file"
    assert replace(file, ["a", "b"])
    assert file.read_text() == "a\nb\n"
    assert file.stat().st_mode & 0o777 == 0o600
    inode = file.stat().st_ino
    assert not replace(file, ["a", "b"])
    assert file.stat().st_ino == inode
    assert replace(file, ["c"])
    assert [path.name for path in directory.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_roots_file_belongs_to_whom_its_directory_or_its_predecessor_did(directory: Path) -> None:
    os.chown(directory, 4321, 4322)
    file = directory / "file"
    replace(file, ["a"])
    assert (file.stat().st_uid, file.stat().st_gid) == (4321, 4322)
    os.chown(file, 1234, 1235)
    replace(file, ["b"])
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1235)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(directory: Path) -> None:
    file = directory / "file"
    replace(file, ["old"])

    def lines() -> Iterator[str]:
        yield "new"
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        replace(file, lines())
    assert file.read_text() == "old\n"
    assert [path.name for path in directory.iterdir()] == ["file"]


def test_the_broker_is_told_only_of_a_change(directory: Path, hangups: list[int]) -> None:
    pid_file = directory / "pid"
    pid_file.write_text(f"{os.getpid()}\n")
    files = BrokerFiles(directory / "passwords", directory / "acl", Broker(pid_file))
    assert files.write(state("a"))
    until(lambda: hangups, 2, "SIGHUP")
    assert not files.write(state("a"))
    assert files.write(state("a", "b"))
    until(lambda: len(hangups) == 2, 2, "the second SIGHUP")
    assert "b:$7$101$salt$b\n" in (directory / "passwords").read_text()


def test_the_broker_is_waited_for_until_it_answers_a_new_connection(directory: Path, hangups: list[int]) -> None:
    pid_file = directory / "pid"
    pid_file.write_text(str(os.getpid()))
    with socket.create_server(("127.0.0.1", 0)) as server:
        reloading = threading.Thread(target=Broker(pid_file, "127.0.0.1", server.getsockname()[1]).reload)
        reloading.start()
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100) == CONNECT
            assert reloading.is_alive()
            connection.sendall(b"\x20\x02\x00\x05")
        reloading.join(5)
    assert not reloading.is_alive()


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "1", "4194305"])
def test_a_pid_file_that_names_no_broker_is_no_failure(directory: Path, text: str) -> None:
    pid_file = directory / "pid"
    pid_file.write_text(text)
    assert not Broker(pid_file).reload()
    assert not Broker(directory / "missing").reload()


def test_the_broker_is_asked_at_the_url_that_is_named(directory: Path) -> None:
    assert Broker.of(directory, "mqtt://user:secret@host:18830") == Broker(directory, "host", 18830)
    secured = Broker.of(directory, "mqtts://user:secret@host")
    assert (secured.host, secured.port, secured.context is not None) == ("host", 8883, True)
    assert Broker.of(directory, None).host is None


def test_files_that_cannot_be_written_are_said_at_the_start(directory: Path) -> None:
    with pytest.raises(CannotStartError, match="gone/acl cannot be written"):
        BrokerFiles(directory / "passwords", directory / "gone" / "acl").check()


def test_changes_of_a_burst_are_written_together(directory: Path) -> None:
    users: list[str] = []
    reads = 0
    may_read = threading.Event()
    may_read.set()

    def read() -> BrokerState:
        nonlocal reads
        may_read.wait(10)
        reads += 1
        return state(*users)

    def change(user: str) -> None:
        users.append(user)
        follower.announce()
        assert f"{user}:" in (directory / "passwords").read_text()

    with Follower(BrokerFiles(directory / "passwords", directory / "acl"), read) as follower:
        may_read.clear()
        threads = [threading.Thread(target=change, args=(f"user-{number}",)) for number in range(20)]
        for thread in threads:
            thread.start()
        until(lambda: len(users) == 20, 5, "all changes")
        may_read.set()
        for thread in threads:
            thread.join(10)
        assert follower.is_in_step
    assert reads <= 4
    assert len((directory / "passwords").read_text().splitlines()) == 20


def test_a_change_that_cannot_be_written_is_told_and_made_good_later(directory: Path) -> None:
    users = ["a"]
    with Follower(BrokerFiles(directory / "passwords", None), lambda: state(*users), retry_s=0.02) as follower:
        aside = directory.rename(directory.with_name("aside"))
        users.append("b")
        with pytest.raises(UnreachableError, match="registered but not yet known to the broker"):
            follower.announce()
        assert not follower.is_in_step
        with pytest.raises(UnreachableError, match="nothing is changed"):
            follower.check()
        shutil.move(aside, directory)
        until(lambda: follower.is_in_step, 5, "the follower to make it good")
        follower.check()
    assert "b:" in (directory / "passwords").read_text()

"""One part as a child process: what to run, and how it is started, asked whether it is ready, and ended."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from chelu.errors import CannotStartError

LOG_LIMIT_BYTES = 16 << 20  # at a start, a longer log is set aside as .1
LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("child.py")))


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a part runs as when Chelu itself runs as root; `search`: may enter directories of root."""

    name: str
    uid: int
    gid: int
    search: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One part: `is_ready` is called from the supervisor's thread, often, and must answer within a second."""

    name: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 15.0
    ready_file: Path | None = None
    pid_file: Path | None = None  # written for others who signal the part


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own, so that Ctrl-C reaches the supervisor alone, its output appended to its log."""
    command = [*LAUNCHER, *numbers(program.account, program.stop_signal), *program.command]
    try:
        if program.ready_file:
            program.ready_file.unlink(missing_ok=True)
        with _open_log(program.log) as log:
            popen = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if program.pid_file:
            program.pid_file.write_text(f"{popen.pid}\n")
    except OSError as error:
        raise CannotStartError(f"{program.name} cannot be started ({error})", "see that the disk is not full") from None
    return popen


def forget(program: Program) -> None:
    """Remove the file with the process id, which may soon be somebody else's."""
    if program.pid_file:
        program.pid_file.unlink(missing_ok=True)


def numbers(account: Account | None, stop_signal: signal.Signals) -> tuple[str, ...]:
    """What `child.py` is told before the command."""
    account = account or Account("", -1, -1)
    return tuple(map(str, (os.getpid(), stop_signal.value, account.uid, account.gid, int(account.search))))


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))
    return path.open("ab")


def with_arguments(program: Program, *arguments: str) -> Program:
    """The same program with more words in its command."""
    return replace(program, command=(*program.command, *arguments))


def last_line(log: Path, *, since: int = 0) -> str:
    """The last line with something on it that was written to `log` after byte `since`; empty when there is none.

    PostgreSQL's FATAL and PANIC go before what it says while it ends.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - 8192))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    cause = next((line for line in reversed(lines) if "FATAL:" in line or "PANIC:" in line), "")
    return cause or next((line for line in reversed(lines) if line), "")


def database_account(*paths: Path) -> Account | None:
    """Whom PostgreSQL runs as: nobody else unless we are root, which it refuses; then ``postgres`` or ``nobody``.

    `paths` are what the account must reach; where it may not enter a directory above them it is given that right.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            reachable = all(_can_enter(parent) for path in paths for parent in path.absolute().parents)
            return Account(name, entry.pw_uid, entry.pw_gid, search=not reachable)
    raise CannotStartError("PostgreSQL refuses to run as root, and there is no account postgres or nobody", "start as a user")


def _can_enter(directory: Path) -> bool:
    return bool(directory.stat().st_mode & 0o001)


def size(log: Path) -> int:
    """The length of a log in bytes, 0 when there is none."""
    return log.stat().st_size if log.exists() else 0

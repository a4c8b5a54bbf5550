"""The broker's password and ACL files kept in step with the register.

`Follower` owns both files. A change is announced after its commit and waited for: all changes announced while one round of
writing runs are served together by the next, so a burst costs two rounds, and whoever was answered finds the broker knowing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from chelu.errors import CannotStartError, UnreachableError
from chelu.provisioning import Account
from services.registry import rights
from services.registry.broker_reload import Broker

LOG = logging.getLogger(__name__)
MODE = 0o600
RETRY_S = 1.0
WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class BrokerState:
    """All that a broker must know: verifier by user name, service accounts, gateways' children, and strangers' accounts.

    next_verifiers: of secrets that count beside the old ones, where the broker asks by HTTP; a password file has room for one.
    speakers: who speaks under a serial number.
    """

    verifiers: dict[str, str]
    accounts: tuple[str, ...]
    children: tuple[rights.Child, ...]
    strangers: tuple[Account, ...] = ()
    next_verifiers: Mapping[str, str] = field(default_factory=dict)
    speakers: tuple[rights.Speaker, ...] = ()


class StateReader(Protocol):
    """Called by the thread that writes, once a round; gives what is committed."""

    def __call__(self) -> BrokerState:
        """The register's present state; raises when the database is away."""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where the broker reads from; files that are None are not written, and without a `broker` nobody is told."""

    password: Path | None
    acl: Path | None
    broker: Broker | None = None

    def write(self, state: BrokerState) -> bool:
        """Write what differs and tell the broker; true when something did. Raises OSError."""
        passwords = (f"{user}:{line}" for user, line in sorted(state.verifiers.items()))
        changed = [
            self.password is not None and replace(self.password, passwords),
            self.acl is not None and replace(self.acl, _acl(state)),
        ]
        if any(changed) and self.broker is not None:
            self.broker.reload()
        return any(changed)

    def check(self) -> None:
        """Raise CannotStartError unless the files can be written."""
        for path in (self.password, self.acl):
            if path is None:
                continue
            try:
                descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            except OSError as error:
                raise CannotStartError(f"{path} cannot be written ({error.strerror})", "name a directory that can be") from None
            os.close(descriptor)
            Path(name).unlink()


def _acl(state: BrokerState) -> Iterable[str]:
    return rights.acl_lines(state.accounts, state.children, state.strangers, state.speakers)


def replace(path: Path, lines: Iterable[str]) -> bool:
    """Write `lines` to `path` at once and whole, readable by its owner only; false when it holds them already. Raises OSError.

    Run by root, the file keeps its owner (else gets its directory's), so that a broker which has given up root can read it again.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return False
    owner = (path if path.exists() else path.parent).stat()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), MODE)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


class Follower:
    """Keeps `files` in step with `read` while it is entered. Any thread may `announce`; one thread of its own writes."""

    def __init__(self, files: BrokerFiles, read: StateReader, *, retry_s: float = RETRY_S) -> None:
        self._files, self._read, self._retry_s = files, read, retry_s
        self._changed = threading.Condition()
        self._asked = self._served = self._failed = 0
        self._error: Exception | None = None
        self.state: BrokerState | None = None  # what the broker has been told; any thread may look
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="broker files", daemon=True)

    def write(self) -> None:
        """Bring the files into step now, in the caller's thread, which must be the only one; CannotStartError when it fails."""
        try:
            self._follow()
        except OSError as error:
            raise CannotStartError(f"the broker's files cannot be written ({error})", "make room or give the right to") from None

    def __enter__(self) -> Self:
        self.write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread after the round it is in."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def is_in_step(self) -> bool:
        """Whether every announced change is in the files."""
        with self._changed:
            return self._served == self._asked

    def check(self) -> None:
        """Raise UnreachableError when the broker could not be told now of what is about to be made, so that it is not made.

        Asked before a secret is made that is shown once: what cannot be told is not registered, and nobody loses it.
        """
        with self._changed:
            error = self._error
        if (error := error or _attempt(self._files.check)) is not None:
            text = f"nothing is changed, since the broker could not be told ({error})"
            raise UnreachableError("the broker's files", str(self._files.password), text)

    def announce(self, wait_s: float = WAIT_S) -> None:
        """Say that a change has been committed, and wait until the broker has been told.

        Raises UnreachableError when this fails; the follower then keeps trying.
        """
        with self._changed:
            self._asked += 1
            ticket = self._asked
            self._changed.notify_all()
            answered = self._changed.wait_for(lambda: max(self._served, self._failed) >= ticket, wait_s)
            if self._served < ticket:
                reason = str(self._error) if answered else f"no answer within {wait_s:g} s"
                text = f"the change is registered but not yet known to the broker ({reason}); it is tried again"
                raise UnreachableError("the broker's files", str(self._files.password), text)

    def _run(self) -> None:
        while (ticket := self._next()) is not None:
            self._serve(ticket)

    def _next(self) -> int | None:
        with self._changed:
            if self._error is not None:
                self._changed.wait_for(lambda: self._is_stopping or self._asked > self._failed, self._retry_s)
            else:
                self._changed.wait_for(lambda: self._is_stopping or self._asked > self._served)
            return None if self._is_stopping else self._asked

    def _follow(self) -> None:
        state = self._read()
        self._files.write(state)
        self.state = state

    def _serve(self, ticket: int) -> None:
        error = _attempt(self._follow)
        if error is not None and self._error is None:
            LOG.error("the broker's files are behind: %s", error)
        elif error is None and self._error is not None:
            LOG.info("the broker's files are in step again")
        with self._changed:
            self._error = error
            if error is None:
                self._served = ticket
            else:
                self._failed = ticket
            self._changed.notify_all()


def _attempt(action: Callable[[], object]) -> Exception | None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, the follower tries again and the caller is told
        return error
    return None

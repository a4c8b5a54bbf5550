"""How a device that is not registered becomes one: it says hello under a provisioning key until it is told its id.

The secret is made here and never leaves: the hello carries its verifier, and the answer names the id that goes with it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chelu import topics, verifiers
from chelu.bus import Received, Session
from chelu.clock import Clock
from chelu.errors import ConfigurationError, MalformedError
from chelu.provisioning import Account, ProvisioningKey
from edge import reports
from edge.control import read_document
from edge.credential import CredentialFile
from edge.settings import ID, EdgeSettings, JoinSettings

log = logging.getLogger(__name__)

HELLO = topics.row("join/{id}/{place}/hello/up")
ANSWER = topics.row("join/{id}/{place}/registered/down")
POLL_S = 0.2
MOVE_S = (0.2, 10.0)  # first and longest pause before another place is taken


def join(settings: EdgeSettings, clock: Clock, leaving: threading.Event) -> bool:
    """Wait until the device is registered, and keep its credential; false when told to leave before. Or ConfigurationError."""
    wanted, file = settings.join, settings.credential_file
    if wanted is None or file is None:
        raise ConfigurationError("join", None, "without it the device cannot join")
    key = ProvisioningKey.read(read_key(wanted.key_file))
    credential = CredentialFile(file)
    _, line = credential.proposal()
    fingerprint = verifiers.fingerprint(line)
    log.info("not registered yet: says hello as %s, fingerprint %s", wanted.serial, fingerprint)
    pause_s, attempt = MOVE_S[0], 0
    while not leaving.is_set():
        stranger = Stranger(settings, wanted, key, key.account(wanted.serial, attempt), line, clock)
        if device_id := stranger.wait(leaving):
            credential.accept(device_id)
            log.info("registered as %s %s", settings.kind, device_id)
            return True
        attempt += 1
        leaving.wait(pause_s)
        pause_s = min(2 * pause_s, MOVE_S[1])
    return False


class Stranger:
    """A device at one place of its key. For one thread; the session has its own."""

    def __init__(
        self, settings: EdgeSettings, wanted: JoinSettings, key: ProvisioningKey, account: Account, line: str, clock: Clock
    ) -> None:
        self._clock, self._period_s, self._account = clock, wanted.hello_s, account
        self._fingerprint = verifiers.fingerprint(line)
        self._topic = HELLO.joining(wanted.serial, account.place)
        self._hello = json.dumps(hello(settings, line), ensure_ascii=False).encode()
        scheme, _, rest = settings.broker.partition("://")
        self._session = Session(
            f"{scheme}://{quote(account.user, safe='')}:{key.secret}@{rest}",
            client_id=account.user,
            clock=clock,
            subscriptions=[(ANSWER.joining(wanted.serial, account.place), 1)],
            on_connect=lambda session: session.publish(self._topic, self._hello, qos=1),
        )

    def wait(self, leaving: threading.Event) -> str | None:
        """The id, once the answer came; None when another device took the place, or when told to leave."""
        self._session.start()
        try:
            return self._listen(leaving)
        finally:
            self._session.stop()

    def _listen(self, leaving: threading.Event) -> str | None:
        was_connected, said_s = False, self._clock.monotonic_s()
        while not leaving.is_set():
            received = self._session.drain(100, POLL_S)
            self._session.acknowledge(received)
            if device_id := self._told(received):
                return device_id
            if was_connected and not self._session.is_connected:
                log.info("place %s is lost: another is taken", self._account.place)
                return None
            was_connected = self._session.is_connected
            if self._clock.monotonic_s() - said_s >= self._period_s:
                said_s = self._clock.monotonic_s()
                self._session.publish(self._topic, self._hello, qos=1)
        return None

    def _told(self, received: Iterable[Received]) -> str | None:
        for message in received:
            try:
                device_id = read_answer(message.payload, self._fingerprint)
            except MalformedError as error:
                log.warning("an answer that cannot be read: %s", error)
                continue
            if device_id is not None:
                return device_id
        return None


def hello(settings: EdgeSettings, line: str) -> Mapping[str, Any]:
    """What a device says of itself: who it would like to be, and the verifier of its secret."""
    said: dict[str, Any] = {"kind": settings.kind.value, "verifier": line, "version": reports.software_version()}
    said |= {name: value for name in ("id", "subtype") if (value := getattr(settings, name))}
    if settings.position:
        said |= settings.position.model_dump(exclude_none=True)
    return said


def read_answer(payload: bytes, fingerprint: str) -> str | None:
    """The id under which the device has been registered; None when another is meant. Raises MalformedError."""
    document = read_document(payload)
    if document.get("fingerprint") != fingerprint:
        return None
    device_id = document.get("id")
    if not isinstance(device_id, str) or not ID.fullmatch(device_id):
        raise MalformedError("undecodable", f"id = {device_id!r} is no device's id")
    return device_id


def read_key(file: Path) -> str:
    """The file of the provisioning key; ConfigurationError when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("join.key_file", str(file), f"it cannot be read ({error})") from None


def is_waiting(settings: EdgeSettings) -> bool:
    """Whether the device has to join first."""
    return settings.join is not None and settings.credential_file is not None and not settings.credential_file.exists()

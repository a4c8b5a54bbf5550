"""A scene's gateway at the broker: registered, connected, and sure that it may speak for its children."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from chelu.api import Client
from chelu.bus import Failure, Session
from chelu.bus.swift import SwiftSession
from chelu.clock import Clock
from chelu.errors import ConfigurationError, RefusedError
from chelu.local.files import Layout, home, read_json
from chelu.tls import with_authority
from chelu.topics import Kind, row
from simulators.enrolment import enrol
from simulators.fleet import Fleet
from simulators.scene import Origin
from simulators.secrets import SecretFile

CONNECT_S = 15.0
RELOAD_S = 3.0  # how long a broker may take to read its files anew after a registration
PAUSE_S = 0.1
SECRETS = "replay-secrets.json"
WARNING, HEARTBEAT = row("{kind}/{id}/warning/down"), row("{kind}/{id}/heartbeat/up")


@contextmanager
def connected(client: Client, fleet: Fleet, origin: Origin, clock: Clock, environ: Mapping[str, str]) -> Iterator[Session]:
    """The gateway's session, what is missing registered, and its warnings subscribed.

    A secret that the broker does not take is replaced once; a broker that knows nothing of our register is used with the account
    in its address. Raises RefusedError when neither is taken, UnreachableError, or ConfigurationError when no broker is named.
    """
    layout = Layout(home(environ))
    address = broker_address(environ, layout)
    session = _connected(client, fleet, origin, clock, address, SecretFile(layout.data / SECRETS))
    try:
        await_rights(session, fleet, clock)
        yield session
    finally:
        session.stop()


def broker_address(environ: Mapping[str, str], layout: Layout) -> str:
    """The broker's address: CHELU_MQTT_URL, else that of the site in the data directory; over TLS with whom to believe."""
    address = environ.get("CHELU_MQTT_URL") or read_json(layout.endpoints).get("mqtt_url")
    if not isinstance(address, str) or not address:
        raise ConfigurationError("CHELU_MQTT_URL", address, f"it is required, since {layout.endpoints} names no broker")
    return with_authority(address, environ)


def with_account(address: str, user: str, password: str) -> str:
    """A broker's address with this account in the place of its own."""
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}").geturl()


def await_rights(session: Session, fleet: Fleet, clock: Clock) -> None:
    """Return when the broker lets the gateway speak for its last child: it reads new rights a moment after they were made.

    The child says a heartbeat for that, as a device that comes up does. Over MQTT 3.1.1 a refusal cannot be seen: the first
    heartbeat is taken for well. RefusedError when the rights do not come.
    """
    child = fleet.device_ids[-1]
    topic = HEARTBEAT.topic(Kind.OBU if child in fleet.obu_ids else Kind.RSU, child)
    until = clock.monotonic_s() + CONNECT_S
    while clock.monotonic_s() < until:
        payload = json.dumps({"id": child, "time_us": clock.wall_us(), "sent": {}}).encode()
        publication = session.publish(topic, payload, qos=HEARTBEAT.qos)
        if publication.wait(CONNECT_S):
            return
        if publication.failure is Failure.NOT_CONNECTED:
            session.wait_connected(CONNECT_S)
        clock.sleep(PAUSE_S)
    raise RefusedError("the MQTT broker", f"to let {fleet.gateway_id} speak for {child}", "not authorised")


def _connected(client: Client, fleet: Fleet, origin: Origin, clock: Clock, address: str, secrets: SecretFile) -> Session:
    secret = enrol(client, fleet, origin, secrets)
    try:
        return _patient(with_account(address, fleet.gateway_id, secret), fleet, clock)
    except RefusedError:
        if "@" in urlsplit(address).netloc:
            return _open(address, fleet, clock)
        secret = client.new_credential(fleet.gateway_id).secret or ""
        secrets.save(fleet.gateway_id, secret)
        return _patient(with_account(address, fleet.gateway_id, secret), fleet, clock)


def _patient(url: str, fleet: Fleet, clock: Clock) -> Session:
    """A session; a refusal counts only when it stands for longer than a broker needs to hear of a new credential."""
    until = clock.monotonic_s() + RELOAD_S
    while True:
        try:
            return _open(url, fleet, clock)
        except RefusedError:
            if clock.monotonic_s() > until:
                raise
            clock.sleep(PAUSE_S)


def _open(url: str, fleet: Fleet, clock: Clock) -> Session:
    filters = [WARNING.topic(kind, "+") for kind in (Kind.OBU, Kind.RSU)]
    session = SwiftSession(url, client_id=fleet.gateway_id, clock=clock, subscriptions=filters)
    session.start()
    try:
        session.wait_connected(CONNECT_S)
    except BaseException:
        session.stop()
        raise
    return session

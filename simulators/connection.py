"""A scene's gateways at the broker: registered, connected, and sure that they may speak for their children."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import quote, urlsplit

from chelu.api import Client, Device, NewDevice, Site
from chelu.bus import Failure, Session
from chelu.bus.swift import SwiftSession
from chelu.clock import Clock
from chelu.errors import ConfigurationError, RefusedError
from chelu.local.files import Layout, home, read_json
from chelu.tls import with_authority
from chelu.topics import Kind, row
from simulators.enrolment import enrol, renewed
from simulators.fleet import Fleet, records, site_record
from simulators.scene import Origin
from simulators.secrets import SecretFile

CONNECT_S = 15.0
RELOAD_S = 3.0  # how long a broker may take to read its files anew after a registration
PAUSE_S = 0.1
SECRETS = "replay-secrets.json"
WARNING, HEARTBEAT = row("{kind}/{id}/warning/down"), row("{kind}/{id}/heartbeat/up")


@contextmanager
def connected(
    client: Client, fleet: Fleet, origin: Origin, clock: Clock, environ: Mapping[str, str], also: Sequence[str] = ()
) -> Iterator[tuple[SwiftSession, ...]]:
    """The sessions of the fleet's gateways, what is missing registered, and their warnings subscribed; `also`: more filters.

    A secret that the broker does not take is replaced once; a broker that knows nothing of our register is used with the account
    in its address. Raises RefusedError when neither is taken, UnreachableError, or ConfigurationError when no broker is named.
    """
    layout = Layout(home(environ))
    address, secrets = broker_address(environ, layout), SecretFile(layout.data / SECRETS)
    filters = (*(WARNING.topic(kind, "+") for kind in (Kind.OBU, Kind.RSU)), *also)
    known = enrol(client, site_record(fleet, origin), records(fleet, origin), fleet.gateway_ids, secrets)
    with ExitStack() as stack:
        sessions = []
        for name in fleet.gateway_ids:
            sessions.append(_connected(client, name, known[name], clock, address, secrets, filters))
            stack.callback(sessions[-1].stop)
        for number, session in enumerate(sessions):
            await_rights(session, fleet, number, clock)
        yield tuple(sessions)


@contextmanager
def adopting(
    client: Client,
    site: Site,
    name: str,
    devices: Sequence[Device],
    clock: Clock,
    environ: Mapping[str, str],
    filters: Sequence[str],
) -> Iterator[SwiftSession]:
    """The session of a gateway that speaks to these devices meanwhile; afterwards they belong to whom they did before."""
    layout = Layout(home(environ))
    address, secrets = broker_address(environ, layout), SecretFile(layout.data / SECRETS)
    record = NewDevice(device_id=name, kind=Kind.GATEWAY, site_id=site.site_id, name="track")
    secret = enrol(client, site, [record], [name], secrets)[name]
    with ExitStack() as stack:
        for device in devices:
            if device.parent != name:
                client.change_device(device.device_id, {"parent": name})
                stack.callback(client.change_device, device.device_id, {"parent": device.parent})
        session = _connected(client, name, secret, clock, address, secrets, filters)
        stack.callback(session.stop)
        yield session


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


def await_rights(session: Session, fleet: Fleet, gateway: int, clock: Clock) -> None:
    """Return when the broker lets a gateway speak for its last child: it reads new rights a moment after they were made.

    The child says a heartbeat for that, as a device that comes up does. Over MQTT 3.1.1 a refusal cannot be seen: the first
    heartbeat is taken for well. RefusedError when the rights do not come.
    """
    child = fleet.children(gateway)[-1]
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
    raise RefusedError("the MQTT broker", f"to let {fleet.gateway_ids[gateway]} speak for {child}", "not authorised")


def _connected(
    client: Client, gateway: str, secret: str, clock: Clock, address: str, secrets: SecretFile, filters: Sequence[str]
) -> SwiftSession:
    try:
        return _patient(with_account(address, gateway, secret), gateway, clock, filters)
    except RefusedError:
        if "@" in urlsplit(address).netloc:
            return _open(address, gateway, clock, filters)
        secret = renewed(client, gateway)
        secrets.keep({gateway: secret})
        return _patient(with_account(address, gateway, secret), gateway, clock, filters)


def _patient(url: str, gateway: str, clock: Clock, filters: Sequence[str]) -> SwiftSession:
    """A session; a refusal counts only when it stands for longer than a broker needs to hear of a new credential."""
    until = clock.monotonic_s() + RELOAD_S
    while True:
        try:
            return _open(url, gateway, clock, filters)
        except RefusedError:
            if clock.monotonic_s() > until:
                raise
            clock.sleep(PAUSE_S)


def _open(url: str, gateway: str, clock: Clock, filters: Sequence[str]) -> SwiftSession:
    session = SwiftSession(url, client_id=gateway, clock=clock, subscriptions=filters)
    session.start()
    try:
        session.wait_connected(CONNECT_S)
    except BaseException:
        session.stop()
        raise
    return session

"""A whole site on TLS: who has its authority is let in, who has not is told what to do, and a renewal cuts nobody off."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu import tls
from chelu.api import Client, NewDevice
from chelu.api import Site as SiteRecord
from chelu.bus import BulkSession, Session
from chelu.clock import SystemClock
from chelu.errors import CheluError, UnreachableError
from chelu.local import authority, certificates, files
from chelu.local.certificates import Pair
from chelu.local.files import Layout
from chelu.local.plan import Options
from chelu.local.services import SERVICES
from chelu.local.site import Site
from chelu.topics import Kind
from simulators.connection import broker_address, with_account
from tests.waiting import until

OPTIONS = Options(
    tls=True,
    services=tuple(service for service in SERVICES if service.name != "inference"),
    mqtt_port=0,
    api_port=0,
    database_port=0,
    database_settings={"fsync": "off", "shared_buffers": "32MB"},
)
# paho leaves the socket of a failed handshake to the garbage collector, which closes it and says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket.*", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def environ(site: Site) -> dict[str, str]:
    """Of somebody on the same machine."""
    return {"CHELU_HOME": str(site.layout.data), "PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def secret(environ: dict[str, str]) -> str:
    """Of a roadside unit."""
    with Client.find(environ) as client:
        client.add_site(SiteRecord(site_id="hillside", latitude_deg=29.5, longitude_deg=106.5))
        return client.add_devices([NewDevice(device_id="rsu-1", kind=Kind.RSU, site_id="hillside")])[0].secret or ""


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """The certificate of another site's authority."""
    layout = Layout(tmp_path / "stranger")
    authority.init(layout, [], now())
    return layout.ca_certificate


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def refusal(kind: type[Session | BulkSession], url: str) -> str:
    session = kind(url, client_id="rsu-1", clock=SystemClock())
    session.start()
    try:
        with pytest.raises(CheluError) as caught:
            session.wait_connected(2)
    finally:
        session.stop()
    return str(caught.value)


@pytest.mark.parametrize("kind", [Session, BulkSession])
def test_who_has_the_authority_connects(site: Site, environ: dict[str, str], secret: str, kind: type[Session]) -> None:
    url = with_account(broker_address(environ, site.layout), "rsu-1", secret)
    assert url.startswith("mqtts://")
    session = kind(url, client_id="rsu-1", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    assert session.publish("rsu/rsu-1/heartbeat/up", b"{}", qos=1).wait(10)
    session.stop()


@pytest.mark.parametrize("kind", [Session, BulkSession])
def test_who_has_no_authority_or_another_is_told_where_to_get_it(site: Site, stranger: Path, kind: type[Session]) -> None:
    place = f"mqtts://127.0.0.1:{site.endpoints.mqtt_port}"
    assert "name the site's with ?ca=FILE or CHELU_CA_FILE=FILE" in refusal(kind, place)
    assert f"{stranger} does not vouch for its certificate: get tls/ca.crt" in refusal(kind, f"{place}?ca={stranger}")


def test_there_is_no_way_in_without_tls(site: Site, secret: str) -> None:
    refusal(BulkSession, f"mqtt://rsu-1:{secret}@127.0.0.1:{site.endpoints.mqtt_port}")
    with pytest.raises(UnreachableError), Client(site.endpoints.api_url.replace("https", "http"), "key") as client:
        client.health()


def test_the_api_is_believed_with_the_authority_alone(site: Site, environ: dict[str, str], stranger: Path) -> None:
    url = site.endpoints.api_url
    assert url.startswith("https://")
    with Client.find(environ) as client:
        assert client.health()["status"] == "ok"
    with Client(f"{url}?ca={site.layout.ca_certificate}", "none") as client:
        assert client.health()["status"] == "ok"
    with Client(url, "none") as client, pytest.raises(UnreachableError, match="name the site's with"):
        client.health()
    with Client(url, "none", ca_file=stranger) as client, pytest.raises(UnreachableError, match="does not vouch for"):
        client.health()


def test_a_name_that_the_certificate_is_not_for_is_said(site: Site) -> None:
    url = f"mqtts://127.0.0.2:{site.endpoints.mqtt_port}?ca={site.layout.ca_certificate}"
    if "127.0.0.2" in authority.found_hosts():
        pytest.skip("this machine has that address")
    assert "run `chelu certs init --host 127.0.0.2`" in refusal_of_a_name(url)


def refusal_of_a_name(url: str) -> str:
    """The broker listens on 127.0.0.1 alone, so the handshake is made with that address and this name."""
    import socket
    import ssl

    from chelu.bus.messages import Address

    address = Address.read(url)
    with socket.create_connection(("127.0.0.1", address.port)) as plain, pytest.raises(ssl.SSLError) as caught:
        tls.client_context(address.ca_file).wrap_socket(plain, server_hostname=address.host)
    return tls.explained(caught.value, address.host, address.ca_file)


def test_an_agent_on_the_same_machine_finds_the_authority_and_delivers(
    site: Site, environ: dict[str, str], secret: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(secret)
    (tmp_path / "agent.toml").write_text(
        f'kind = "rsu"\nid = "rsu-1"\nbroker = "mqtts://127.0.0.1:{site.endpoints.mqtt_port}"\ncredential_file = "secret"\n'
    )
    command = [sys.executable, "-m", "edge", "--config", str(tmp_path / "agent.toml")]
    with subprocess.Popen(command, env=environ, cwd=Path.cwd(), stderr=subprocess.PIPE, text=True) as agent:
        try:
            with Client.find(environ) as client:
                until(lambda: any(row["stream"] == "info" for row in client.reports()), 30, "the agent's information, stored")
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.communicate(timeout=20)
    assert agent.returncode == 0


def test_a_command_on_the_same_machine_finds_it_too(environ: dict[str, str]) -> None:
    command = [sys.executable, "-c", "from chelu.cli import main; main()", "site", "list"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_an_expired_certificate_is_said_plainly_and_a_renewal_is_taken_up(
    site: Site, environ: dict[str, str], secret: str
) -> None:
    layout = site.layout
    ca = Pair(
        certificates.read_certificate(layout.ca_certificate.read_bytes()), certificates.read_key(layout.ca_key.read_bytes())
    )
    past = now() - certificates.SERVER_LASTS - datetime.timedelta(days=1)
    for name in authority.SERVERS:
        old = certificates.new_server(ca, name, ["127.0.0.1"], past)
        files.write_text(layout.server(name), certificates.key_text(old.key) + certificates.certificate_text(old.certificate))
    authority.tell_broker(layout)
    url = with_account(broker_address(environ, layout), "rsu-1", secret)
    until(lambda: "its certificate has expired: run `chelu certs renew`" in answer(url), 20, "the broker to show it")
    until(lambda: "its certificate has expired" in api_answer(environ), 20, "the API to show it")
    site.renew_certificates()
    until(lambda: answer(url) == "", 20, "the broker to show the new one")
    until(lambda: api_answer(environ) == "", 20, "the API to show the new one")
    assert [part.restarts for part in site.status()] == [0] * len(site.status())


def answer(url: str) -> str:
    session = BulkSession(url, client_id="rsu-1", clock=SystemClock())
    session.start()
    try:
        session.wait_connected(2)
    except CheluError as error:
        return str(error)
    finally:
        session.stop()
    return ""


def api_answer(environ: dict[str, str]) -> str:
    try:
        with Client.find(environ) as client:
            client.health()
    except UnreachableError as error:
        return str(error)
    return ""

"""Names, addresses and disks that a careless or unlucky user gives a site: each is taken, or refused in one sentence."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from chelu.clock import SystemClock
from chelu.errors import CannotStartError, ConfigurationError
from chelu.local import files, plan, ports, postgres, process, secrets
from chelu.local.files import Layout
from chelu.local.plan import Options
from chelu.local.site import Site
from chelu.local.supervisor import Supervisor


def cluster(directory: Path) -> postgres.Cluster:
    return postgres.Cluster(directory, Path("/usr/bin"), 54329, "", None)


def test_a_directory_with_spaces_and_chinese_signs_holds_the_socket(tmp_path: Path) -> None:
    directory = Path("/srv/test site/车路")
    assert postgres._socket_directory(cluster(directory)) == str(directory)


@pytest.mark.parametrize("name", ["it's", "a, b", 'a "b"', "back\\slash", "x" * 100])
def test_a_directory_that_postgresql_would_misread_holds_no_socket(name: str) -> None:
    assert postgres._socket_directory(cluster(Path("/srv") / name)) == ""


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", os.fsdecode(b"latin\xff")])
def test_a_directory_whose_name_no_configuration_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotStartError, match="control character or a byte that is not UTF-8"):
        files.make_directory(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["203.0.113.5", "no-such-host.invalid", "::", ""])
def test_a_host_that_is_not_of_this_machine_is_named(host: str) -> None:
    with ports.Claims() as claims, pytest.raises(CannotStartError, match=host or "no address"):
        claims.choose("mqtt", usual=1883, host=host)


@pytest.mark.parametrize(
    "url", ["foo", "mqtt://", "mqtt://broker:99999", "mqtt://broker:x", "mqtt://[::1", "http://me:pw@broker"]
)
def test_a_broker_url_that_is_none_is_refused_without_its_account(tmp_path: Path, url: str) -> None:
    with ports.Claims() as claims, pytest.raises(ConfigurationError) as refused:
        plan.make(Layout(tmp_path), Options(mqtt_url=url, database_url="postgresql://nowhere", api_port=0), claims)
    assert refused.value.key == plan.BROKER_VARIABLE
    assert "pw" not in str(refused.value)


def test_the_cause_of_a_failed_start_goes_before_postgresqls_farewell(tmp_path: Path) -> None:
    log = tmp_path / "database.log"
    log.write_text("LOG:  starting\nFATAL:  could not create any Unix-domain sockets\nLOG:  database system is shut down\n")
    assert process.last_line(log) == "FATAL:  could not create any Unix-domain sockets"


def test_a_damaged_cluster_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "chelu.conf").touch()
    with pytest.raises(CannotStartError, match=r"cannot be (written|used)"):
        postgres.prepare(tmp_path / "postgres", port=54329, password="x")


def test_a_port_that_somebody_took_meanwhile_is_noticed(tmp_path: Path) -> None:
    options = Options(database_url="postgresql://nowhere", mqtt_url="mqtt://nowhere", api_port=0)
    with ports.Claims() as claims:
        made = plan.make(Layout(tmp_path), options, claims)
    assert not plan.has_lost_a_port(made)
    with socket.create_server((ports.LOOPBACK, made.around.api_port)):
        assert plan.has_lost_a_port(made)


def test_the_site_of_another_user_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    secrets.load(layout, accounts=())
    before = layout.secrets.read_text()
    monkeypatch.setattr(os, "geteuid", lambda: layout.secrets.stat().st_uid + 1)
    with pytest.raises(CannotStartError, match="belongs to another user"):
        secrets.load(layout, accounts=("new",))
    assert layout.secrets.read_text() == before


def test_each_of_the_three_ports_may_be_lost_to_another_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, Options(database_url="postgresql://nowhere", mqtt_url="mqtt://nowhere", api_port=0))
    lost = iter(["database", "broker", "registry"])

    def start(site: Site, _: plan.Plan) -> None:
        site._supervisor = Supervisor(SystemClock(), on_change=lambda _: None)
        if name := next(lost, None):
            raise CannotStartError(f"{name} did not start (Address already in use)", "see its log")

    monkeypatch.setattr(Site, "_start_parts", start)
    monkeypatch.setattr(plan, "has_lost_a_port", lambda _: True)
    site._start_on_free_ports()
    assert next(lost, None) is None

"""A site's authority and its servers' certificates: what is in them, and when they are made anew."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest

from chelu.errors import CannotStartError, ConfigurationError
from chelu.local import authority, certificates
from chelu.local.files import Layout

NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "site")


def contents(layout: Layout) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in layout.tls.iterdir()}


def test_a_server_is_signed_by_the_authority_for_its_hosts_alone() -> None:
    ca = certificates.new_authority("a site", NOW)
    other = certificates.new_authority("a site", NOW)
    server = certificates.new_server(ca, "broker", ["broker.example", "10.0.0.7", "::1"], NOW).certificate
    assert certificates.is_signed_by(server, ca.certificate)
    assert not certificates.is_signed_by(server, other.certificate)
    assert certificates.hosts_of(server) == ("broker.example", "10.0.0.7", "::1")
    assert server.not_valid_after_utc - NOW == certificates.SERVER_LASTS
    assert ca.certificate.not_valid_after_utc - NOW > 19 * 365 * DAY


@pytest.mark.parametrize("host", ["", "host:8883", "a b", "http://x", "-x"])
def test_what_is_no_host_is_refused(host: str, layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match=r"--host = .* is not allowed: an IP address or a host's name"):
        authority.init(layout, [host], NOW)
    assert not layout.tls.exists()


def test_init_makes_everything_and_keys_are_for_their_owner_alone(layout: Layout) -> None:
    entries = {entry.name: entry for entry in authority.init(layout, ["roadside.example"], NOW)}
    assert set(entries) == {"authority", "broker", "api"}
    assert {"localhost", "127.0.0.1", "roadside.example"} <= set(entries["broker"].hosts)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in layout.tls.iterdir()}
    assert modes == {"ca.key": 0o600, "broker.pem": 0o600, "api.pem": 0o600, "ca.crt": 0o644}


def test_init_again_changes_nothing_and_another_host_keeps_the_authority(layout: Layout) -> None:
    authority.init(layout, ["one.example"], NOW)
    before = contents(layout)
    assert [entry.note for entry in authority.init(layout, [], NOW + DAY)] == ["", "", ""]
    assert contents(layout) == before
    entries = authority.init(layout, ["two.example"], NOW + DAY)
    assert entries[1].note == "renewed: it was not for two.example"
    assert {"one.example", "two.example"} <= set(entries[1].hosts)
    assert contents(layout)["ca.crt"] == before["ca.crt"]


def test_renewal_waits_for_the_last_third_of_a_life_and_keeps_the_hosts(layout: Layout) -> None:
    authority.init(layout, ["one.example"], NOW)
    before = contents(layout)
    authority.renew(layout, NOW + 264 * DAY)
    assert contents(layout) == before
    broker = authority.renew(layout, NOW + 265 * DAY)[0]
    assert broker.note == "renewed: it would have ended on 2027-06-02"
    assert "one.example" in broker.hosts
    assert broker.ends == NOW + 265 * DAY + certificates.SERVER_LASTS
    assert authority.renew(layout, NOW + 265 * DAY, is_forced=True)[0].note == "renewed: asked for"


def test_what_has_expired_is_shown_as_such(layout: Layout) -> None:
    authority.init(layout, [], NOW)
    notes = [entry.note for entry in authority.show(layout, NOW + 400 * DAY)]
    assert notes == ["", "EXPIRED: chelu certs renew", "EXPIRED: chelu certs renew"]


def test_without_its_key_an_authority_still_serves_but_signs_nothing(layout: Layout) -> None:
    authority.init(layout, [], NOW)
    layout.ca_key.unlink()
    assert [entry.note for entry in authority.init(layout, [], NOW)] == ["", "", ""]
    with pytest.raises(CannotStartError, match=r"ca\.key cannot be read .* put the authority's key back, or move .*tls away"):
        authority.renew(layout, NOW, is_forced=True)


def test_a_certificate_of_another_authority_or_a_broken_one_is_replaced(layout: Layout, tmp_path: Path) -> None:
    authority.init(layout, [], NOW)
    other = Layout(tmp_path / "other")
    authority.init(other, [], NOW)
    layout.server("broker").write_bytes(other.server("broker").read_bytes())
    layout.server("api").write_text("broken")
    notes = [entry.note for entry in authority.init(layout, [], NOW)]
    assert notes == ["", "renewed: another authority had signed it", "made"]


def test_an_authority_that_has_ended_says_what_to_do(layout: Layout) -> None:
    authority.init(layout, [], NOW)
    with pytest.raises(CannotStartError, match=r"ended on 2046-.*move .*tls away, run `chelu certs init`"):
        authority.renew(layout, NOW + 21 * 365 * DAY)


def test_without_an_authority_one_is_told_how_to_make_it(layout: Layout) -> None:
    with pytest.raises(CannotStartError, match="run: chelu certs init"):
        authority.show(layout, NOW)

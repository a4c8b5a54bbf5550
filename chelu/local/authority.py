"""The certificates of a site as files below its directory: made once, looked at, renewed before they end.

``tls/ca.crt`` is what clients are given; ``tls/ca.key`` signs and can be kept elsewhere between renewals. A server's key and
certificate stand in one file, ``tls/broker.pem`` or ``tls/api.pem``, so that a renewal replaces both in one step.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from cryptography.x509 import Certificate

from chelu.errors import CannotStartError
from chelu.local import certificates, files
from chelu.local.certificates import Pair
from chelu.local.files import Layout
from chelu.local.services import PID_FILE

SERVERS = ("broker", "api")
ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate as it is shown: `note` says what was done with it, or what is wrong."""

    name: str
    hosts: tuple[str, ...]
    starts: datetime.datetime
    ends: datetime.datetime
    file: str
    note: str = ""


def init(layout: Layout, hosts: Sequence[str], now: datetime.datetime) -> list[Entry]:
    """Make what is missing, and what is not for one of `hosts` or of this machine's own names; the rest stays as it is."""
    for host in hosts:
        certificates.general_name(host)
    files.make_directory(layout.tls)
    made = [] if layout.ca_certificate.exists() else [_make_authority(layout, now)]
    authority = _authority(layout)
    shown = made or [_entry("authority", authority, layout.ca_certificate, now)]
    wanted = tuple(dict.fromkeys((*ALWAYS, *found_hosts(), *hosts)))
    return [*shown, *(_ensure(layout, name, wanted, authority, now, is_forced=False) for name in SERVERS)]


def renew(layout: Layout, now: datetime.datetime, *, is_forced: bool = False) -> list[Entry]:
    """Renew the servers' certificates that are in their last third, or all; CannotStartError when there is no authority."""
    authority = _authority(layout)
    return [_ensure(layout, name, (), authority, now, is_forced=is_forced) for name in SERVERS]


def show(layout: Layout, now: datetime.datetime) -> list[Entry]:
    """The certificates there are; CannotStartError when there is no authority."""
    authority = _authority(layout)
    found = [_entry("authority", authority, layout.ca_certificate, now)]
    for name in SERVERS:
        with contextlib.suppress(OSError, ValueError):
            found.append(_entry(name, certificates.read_certificate(layout.server(name).read_bytes()), layout.server(name), now))
    return found


def tell_broker(layout: Layout) -> None:
    """Let the site's mosquitto, if it runs, read its certificate again; the registry looks at its own by itself."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((layout.broker / PID_FILE).read_text(encoding="ascii"))
        if pid > 1:
            os.kill(pid, signal.SIGHUP)


def found_hosts() -> list[str]:
    """The names and addresses of this machine, those left out that only count on one of its links."""
    addresses = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in {socket.AF_INET, socket.AF_INET6} and "%" not in entry.address
    ]
    return [*(name for name in (socket.gethostname(),) if name), *addresses]


def _make_authority(layout: Layout, now: datetime.datetime) -> Entry:
    made = certificates.new_authority(f"Chelu site on {socket.gethostname()}, {now:%Y-%m-%d}", now)
    files.write_text(layout.ca_key, certificates.key_text(made.key))
    files.write_text(layout.ca_certificate, certificates.certificate_text(made.certificate), mode=0o644)
    return _entry("authority", made.certificate, layout.ca_certificate, now, "made: give this file to devices and people")


def _authority(layout: Layout) -> Certificate:
    try:
        return certificates.read_certificate(layout.ca_certificate.read_bytes())
    except FileNotFoundError:
        raise CannotStartError(f"there is no {layout.ca_certificate}", "run: chelu certs init") from None
    except (OSError, ValueError) as error:
        raise CannotStartError(
            f"{layout.ca_certificate} cannot be read ({error})", "restore it, or move its directory away"
        ) from None


def _ensure(
    layout: Layout,
    name: str,
    wanted: Sequence[str],
    authority: Certificate,
    now: datetime.datetime,
    *,
    is_forced: bool,
) -> Entry:
    """The server's certificate as it is when it serves, else a new one, for all that the old one was for."""
    file, old, why = layout.server(name), None, "made"
    with contextlib.suppress(OSError, ValueError):
        old = certificates.read_certificate(file.read_bytes())
        why = _why_renewed(old, wanted, authority, now) or ("asked for" if is_forced else "")
        if not why:
            return _entry(name, old, file, now)
    hosts = tuple(dict.fromkeys((*(certificates.hosts_of(old) if old else ALWAYS), *wanted)))
    made = certificates.new_server(_signer(layout, authority, now), f"Chelu {name}", hosts, now)
    files.write_text(file, certificates.key_text(made.key) + certificates.certificate_text(made.certificate))
    return _entry(name, made.certificate, file, now, why if old is None else f"renewed: {why}")


def _why_renewed(old: Certificate, wanted: Sequence[str], authority: Certificate, now: datetime.datetime) -> str:
    if not certificates.is_signed_by(old, authority):
        return "another authority had signed it"
    if certificates.is_due(old, now):
        return f"it would have ended on {old.not_valid_after_utc:%Y-%m-%d}"
    covered = {certificates.general_name(host) for host in certificates.hosts_of(old)}
    missing = [host for host in wanted if certificates.general_name(host) not in covered]
    return f"it was not for {', '.join(missing)}" if missing else ""


def _signer(layout: Layout, authority: Certificate, now: datetime.datetime) -> Pair:
    if authority.not_valid_after_utc <= now:
        ended = f"the authority {layout.ca_certificate} ended on {authority.not_valid_after_utc:%Y-%m-%d}"
        raise CannotStartError(ended, f"move {layout.tls} away, run `chelu certs init` and give its ca.crt to everyone again")
    try:
        return Pair(authority, certificates.read_key(layout.ca_key.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        remedy = f"put the authority's key back, or move {layout.tls} away for a new authority"
        raise CannotStartError(
            f"{layout.ca_key} cannot be read ({error}), and without it nothing can be signed", remedy
        ) from None


def _entry(name: str, certificate: Certificate, file: Path, now: datetime.datetime, note: str = "") -> Entry:
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        note = f"EXPIRED: {'chelu certs renew' if name in SERVERS else 'a new authority is needed'}"
    return Entry(name, certificates.hosts_of(certificate), starts, ends, str(file), note)

"""mosquitto's configuration as a value, and how the supervisor runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chelu.local import files
from chelu.local.ports import LOOPBACK, accepts, reachable
from chelu.local.process import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a broker may keep and pass on; set, since the defaults (100 queued messages a client) lose a burst."""

    queued_messages: int = 100_000  # per client that is away or slow; then the newest is dropped and logged
    queued_bytes: int = 256 << 20
    inflight_messages: int = 1_000  # QoS 1 messages sent to a client and not yet acknowledged
    packet_bytes: int = 4 << 20  # a picture of 10 000 participants is under 1 MiB
    session_expiry: str = "7d"  # then a client that stayed away is forgotten with its queue
    autosave_s: int = 10  # what a kill -9 can cost of sessions and retained messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One listener on this machine. Without a password file anyone may connect and do anything (for tests)."""

    port: int
    directory: Path | None = None  # where sessions and retained messages are kept; None: in memory only
    password_file: Path | None = None
    acl_file: Path | None = None
    host: str = LOOPBACK
    certificate: Path | None = None  # a server's key and certificate in one file: the listener is on TLS, and there is no other
    limits: Limits = Limits()


def render(configuration: Configuration, *, is_root: bool) -> str:
    """The text of mosquitto.conf (mosquitto.conf(5), version 2.0)."""
    limits = configuration.limits
    lines = [
        f"listener {configuration.port} {configuration.host}",
        "set_tcp_nodelay false",  # small messages are gathered while earlier ones are under way (docs/decisions/010)
        *_tls(configuration),
        f"max_queued_messages {limits.queued_messages}",
        f"max_queued_bytes {limits.queued_bytes}",
        f"max_inflight_messages {limits.inflight_messages}",
        "max_inflight_bytes 0",
        f"max_packet_size {limits.packet_bytes}",
        f"persistent_client_expiration {limits.session_expiry}",
        "queue_qos0_messages false",
        "sys_interval 10",
        "log_dest stderr",
        "log_dest topic",  # so that the registry hears from where strangers come
        "log_type error",
        "log_type warning",
        "log_type notice",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
        *_rights(configuration),
        *_persistence(configuration),
    ]
    if is_root:  # else it would become the user mosquitto or nobody, who may not read what root wrote
        lines.append("user root")
    return "\n".join(lines) + "\n"


def _tls(configuration: Configuration) -> list[str]:
    if configuration.certificate is None:
        return []
    return [f"certfile {configuration.certificate}", f"keyfile {configuration.certificate}", "tls_version tlsv1.2"]


def _rights(configuration: Configuration) -> list[str]:
    if configuration.password_file is None:
        return ["allow_anonymous true"]
    lines = ["allow_anonymous false", f"password_file {configuration.password_file}", "use_username_as_clientid true"]
    return [*lines, f"acl_file {configuration.acl_file}"] if configuration.acl_file else lines


def _persistence(configuration: Configuration) -> list[str]:
    if configuration.directory is None:
        return ["persistence false"]
    return [
        "persistence true",
        f"persistence_location {configuration.directory}/",
        f"autosave_interval {configuration.limits.autosave_s}",
    ]


def program(
    executable: Path, configuration: Configuration, *, file: Path, log: Path, libraries: Mapping[str, str] | None = None
) -> Program:
    """Write the configuration to `file` and say how mosquitto is run with it; `libraries`: environment it needs."""
    files.write_text(file, render(configuration, is_root=os.geteuid() == 0))
    return Program(
        name="broker",
        command=(str(executable), "-c", str(file)),
        log=log,
        is_ready=lambda: accepts(configuration.port, reachable(configuration.host)),
        environment=dict(libraries or {}),
        address=f"{configuration.host}:{configuration.port}",
        pid_file=file.with_suffix(".pid"),
        start_timeout_s=15.0,
    )

"""Telling a running mosquitto to read its files again, and knowing when it has.

mosquitto takes a signal only between two rounds of its loop, up to 100 ms later, and says nothing when it is done. But it reads
its files before it reads the first packet of a connection that was opened after the signal: so one such connection is opened, and
what it is answered (a refusal) is the proof. Without it, a session that is open already could still be denied its new rights.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from chelu import tls
from chelu.bus.messages import Address

LOG = logging.getLogger(__name__)
TIMEOUT_S = 10.0
LOOP_S = 0.2  # what is waited where no proof can be had
CLIENT_ID = b"registry-reload"
# MQTT 3.1.1, clean session, no account: a broker that knows its devices refuses it.
CONNECT = b"\x10" + bytes([12 + len(CLIENT_ID)]) + b"\x00\x04MQTT\x04\x02\x00\x0a\x00" + bytes([len(CLIENT_ID)]) + CLIENT_ID


@dataclass(frozen=True, slots=True)
class Broker:
    """A mosquitto on this machine: its process by `pid_file`, and its `host` and `port` where it speaks MQTT."""

    pid_file: Path
    host: str | None = None
    port: int = 1883
    context: ssl.SSLContext | None = None  # where it speaks TLS

    @classmethod
    def of(cls, pid_file: Path, mqtt_url: str | None) -> Broker:
        """The broker at ``mqtt[s]://…``; without a URL the address is left out."""
        if not mqtt_url:
            return cls(pid_file)
        address = Address.read(mqtt_url)
        context = tls.client_context(address.ca_file) if address.has_tls else None
        return cls(pid_file, address.host, address.port, context)

    def reload(self) -> bool:
        """Let the broker read its files, and return when it has; false when it is not running: it reads them when it starts."""
        try:
            os.kill(_pid(self.pid_file.read_text(encoding="ascii")), signal.SIGHUP)
        except (OSError, ValueError) as error:
            LOG.warning("the broker is not told of the change: %s", error)
            return False
        self._await()
        return True

    def _await(self) -> None:
        if self.host is None:
            time.sleep(LOOP_S)
            return
        try:
            plain = socket.create_connection((self.host, self.port), timeout=TIMEOUT_S)
            with plain, self._secured(plain) as connection:
                connection.sendall(CONNECT)
                connection.recv(4)
        except OSError as error:
            LOG.warning("whether the broker has read its files is not known: %s", error)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self.context.wrap_socket(connection, server_hostname=self.host) if self.context else connection


def _pid(text: str) -> int:
    pid = int(text)
    if pid <= 1:  # 0 and below would signal whole groups of processes
        raise ValueError(f"{pid} is no broker's process id")
    return pid

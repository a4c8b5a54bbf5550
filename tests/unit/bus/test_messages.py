"""A broker's address, and what becomes of a publication."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chelu.bus import Failure, Publication, Session
from chelu.bus.messages import Address
from chelu.clock import SystemClock
from chelu.errors import ConfigurationError


def test_an_address_has_the_usual_ports() -> None:
    assert Address.read("mqtt://host") == Address("host", 1883, None, None, has_tls=False, ca_file=None)
    assert Address.read("mqtts://host") == Address("host", 8883, None, None, has_tls=True, ca_file=None)


def test_an_address_carries_account_port_and_ca() -> None:
    address = Address.read("mqtts://rsu-1:p%40ss@10.0.0.1:2883?ca=/etc/ca.pem")
    assert address == Address("10.0.0.1", 2883, "rsu-1", "p@ss", has_tls=True, ca_file=Path("/etc/ca.pem"))
    assert str(address) == "10.0.0.1:2883"


@pytest.mark.parametrize("url", ["host:1883", "http://host", "mqtt://", "mqtt://host:99999", "mqtt://host?cert=x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MQTT URL"):
        Address.read(url)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.read("http://user:secret@host")
    assert "secret" not in str(caught.value)


def test_a_missing_ca_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem"):
        Session("mqtts://host?ca=/nowhere/ca.pem", client_id="a", clock=SystemClock())


def test_a_publication_that_failed_need_not_be_waited_for() -> None:
    publication = Publication(threading.Condition(), Failure.TOO_LARGE)
    assert not publication.wait(0)
    assert not publication.is_accepted
    assert publication.is_settled
    assert publication.failure is not None
    assert publication.failure.is_permanent

"""Secrets and verifiers, against what mosquitto's own program makes."""

from __future__ import annotations

import pytest

from services.registry.credentials import is_verified, key_hash, new_secret, verifier, verifiers

# `mosquitto_passwd -b -c FILE obu-1 'correct horse'`, mosquitto 2.0.11.
MOSQUITTO = "$7$101$vDa+sCp44OIPGKq2$hG03cvxh18qeX2+ul4dmUQayInGCTObtzRBtcYDDreCqLoTs1IwVIJAbP/V+phXSAwsh3m96VdcFw3SXiMhx+w=="


def test_mosquittos_own_verifier_is_made_byte_for_byte() -> None:
    import base64

    salt = base64.b64decode(MOSQUITTO.split("$")[3])
    assert verifier("correct horse", lambda count: salt[:count]) == MOSQUITTO


def test_only_the_right_secret_is_verified() -> None:
    assert is_verified("correct horse", MOSQUITTO)
    assert not is_verified("correct hors", MOSQUITTO)
    assert not is_verified("", MOSQUITTO)


@pytest.mark.parametrize(
    "line", ["", "$", "$7$101$", "$6$101$vDa+$hG03", "$7$x$vDa+$hG03", "$7$101$!$hG03", "plain", "$7$0$vDa+$hG03"]
)
def test_what_is_no_verifier_verifies_nothing(line: str) -> None:
    assert not is_verified("correct horse", line)


def test_secrets_are_256_bits_and_never_the_same() -> None:
    assert new_secret(lambda count: b"\xff" * count) == "_" * 42 + "8"
    assert len({new_secret() for _ in range(1000)}) == 1000


def test_many_verifiers_come_in_order_each_with_its_own_salt() -> None:
    secrets = [f"secret-{number}" for number in range(50)] * 2
    lines = verifiers(secrets)
    assert all(is_verified(secret, line) for secret, line in zip(secrets, lines, strict=True))
    assert len(set(lines)) == 100


def test_an_api_key_is_kept_as_its_hash() -> None:
    assert len(key_hash("key")) == 32
    assert key_hash("key") != key_hash("kez")
    assert key_hash("\udcff")

"""Whose key it is, remembered for no longer than it is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chelu.clock import VirtualClock
from services.registry.callers import REMEMBERED_S, Callers

KEY, OTHER = b"1" * 32, b"2" * 32


class Kept:
    """In the register's place: the keys that it has, how often it was changed, and how often it was asked."""

    def __init__(self, *keys: bytes) -> None:
        self.keys, self.changes, self.asked = {*keys}, 0, 0

    def rows(self, _: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.asked += 1
        return [
            {"hash": key, "name": "ci", "owner": None, "scopes": None, "is_session": False, "team": None, "role": None}
            for key in parameters["hashes"]
            if key in self.keys
        ]


def made(*keys: bytes) -> tuple[Any, VirtualClock, Callers]:
    register: Any = Kept(*keys)
    clock = VirtualClock(0)
    return register, clock, Callers(register, clock)


def test_a_key_is_remembered_until_something_is_changed() -> None:
    register, _, callers = made(KEY)
    assert callers.remembered(KEY) is None
    found = callers.find(KEY)
    assert found
    assert callers.remembered(KEY) is found
    register.keys.remove(KEY)
    register.changes += 1
    assert callers.remembered(KEY) is None
    assert callers.find(KEY) is None
    assert callers.remembered(KEY) is None


def test_what_was_read_before_a_change_is_not_remembered_after_it() -> None:
    register, _, callers = made(KEY)
    asked = register.rows

    def change_meanwhile(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = asked(sql, parameters)
        register.changes += 1
        return rows

    register.rows = change_meanwhile
    assert callers.find(KEY)
    assert callers.remembered(KEY) is None


def test_a_key_that_expires_is_forgotten_after_a_second() -> None:
    _, clock, callers = made(KEY)
    callers.find(KEY)
    clock.sleep(REMEMBERED_S)
    assert callers.remembered(KEY) is None


def test_a_stranger_is_asked_for_again_each_time() -> None:
    register, _, callers = made(KEY)
    for _ in range(3):
        assert callers.find(OTHER) is None
        assert callers.remembered(OTHER) is None
    assert register.asked == 3

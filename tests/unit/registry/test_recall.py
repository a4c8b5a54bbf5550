"""Who has come online, told from who says once more that it is."""

from __future__ import annotations

from services.registry.track.recall import Arrivals, start_of


def test_who_says_its_state_once_more_has_not_come_online() -> None:
    arrivals = Arrivals()
    assert arrivals.of("obu-1", "first", is_retained=False) is True
    assert arrivals.of("obu-1", "first", is_retained=False) is None, "as an agent does that is asked for a pass"
    assert arrivals.of("obu-2", "first", is_retained=False) is True
    assert arrivals.of("obu-1", "second", is_retained=False) is True


def test_who_was_away_has_come_as_it_was() -> None:
    arrivals = Arrivals()
    arrivals.of("obu-1", "first", is_retained=False)
    assert arrivals.of("obu-1", None, is_retained=False) is None
    assert arrivals.of("obu-1", "first", is_retained=False) is False
    assert arrivals.of("obu-1", "first", is_retained=False) is None


def test_who_was_online_before_the_registry_listened_may_have_come_meanwhile() -> None:
    arrivals = Arrivals()
    assert arrivals.of("obu-1", "first", is_retained=True) is False
    assert arrivals.of("obu-1", "first", is_retained=True) is False, "the registry was away from the broker"
    assert arrivals.of("obu-1", "second", is_retained=True) is True, "and it has started anew meanwhile"
    assert arrivals.of("obu-1", "", is_retained=False) is True, "one that does not say which start it is in"


def test_a_start_is_read_from_a_state_that_says_online() -> None:
    assert start_of(b'{"state": "online", "start_id": "a"}') == "a"
    assert start_of(b'{"state": "online"}') == ""
    assert [start_of(one) for one in (b'{"state": "offline", "start_id": "a"}', b"[]", b"rubbish", b"[" * 100_000)] == [None] * 4


def test_of_a_start_only_what_can_be_kept_counts() -> None:
    assert start_of(b'{"state": "online", "start_id": "a\\u0000\\ud800b"}') == "ab"
    assert start_of(b'{"state": "online", "start_id": 7}') == "7"
    assert [start_of(b'{"state": "online", "start_id": %b}' % said) for said in (b"[[]]", b"{}", b"null", b"0.5")] == [""] * 4

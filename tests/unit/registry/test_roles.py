"""Who may do what: roles, scopes, and the bound on attempts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.registry import passwords, roles
from services.registry.access import require_reached
from services.registry.problems import ProblemError
from services.registry.roles import NEEDS, OPEN, Caller, Role, Scope
from services.registry.throttle import Throttle


@pytest.mark.parametrize(("mine", "wanted"), list(itertools.product(Role, Role)))
def test_a_role_includes_those_before_it_on_its_site_only(mine: Role, wanted: Role) -> None:
    includes = list(Role).index(mine) >= list(Role).index(wanted)
    here = Caller("c", "c", {"s": mine})
    assert here.has(wanted, "s") is includes
    assert not here.has(wanted, "t")
    assert not here.has(wanted, None)
    assert here.sites(wanted) == (["s"] if includes else [])
    everywhere = Caller("c", "c", {None: mine})
    assert everywhere.has(wanted, "s") is everywhere.has(wanted, None) is includes
    assert everywhere.sites(wanted) == (None if includes else [])


@given(
    st.dictionaries(st.sampled_from([None, "hill", "dale", "bay"]), st.sampled_from(Role)),
    st.sets(st.sampled_from(["hill", "dale", "bay"])),
    st.sampled_from(Role),
)
@example({"dale": Role.ADMINISTRATOR}, set(), Role.VIEWER)
@example({"dale": Role.ADMINISTRATOR}, set(), Role.OPERATOR)
def test_what_went_to_devices_is_theirs_who_have_the_role_there_and_without_any_theirs_who_have_it_everywhere(
    mine: dict[str | None, Role], reached: set[str], wanted: Role
) -> None:
    who = Caller("c", "c", mine)
    of_each = [who.has(wanted, site) for site in reached]
    some = any(of_each) if wanted is Role.VIEWER else bool(of_each) and all(of_each)
    if some or who.has(wanted, None):
        require_reached(who, wanted, reached)
    else:
        with pytest.raises(ProblemError) as refused:
            require_reached(who, wanted, reached)
        assert refused.value.status == 403


def test_a_key_without_scopes_has_all_and_one_with_scopes_those() -> None:
    assert all(Caller("c", "c", {}).has_scope(scope) for scope in Scope)
    limited = Caller("c", "c", {}, frozenset({Scope.READ}))
    assert [scope for scope in Scope if limited.has_scope(scope)] == [Scope.READ]


def test_a_route_without_a_need_is_not_served() -> None:
    known = [*NEEDS, *OPEN]
    roles.check_complete(known)
    for routes in ([*known, ("GET", "/api/new")], known[1:]):
        with pytest.raises(ValueError, match="without a"):
            roles.check_complete(routes)


def test_a_password_is_known_again_and_a_stranger_has_none() -> None:
    kept = passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert passwords.is_right("correct horse battery", kept)
    assert not passwords.is_right("correct horse", kept)
    assert not passwords.is_right("correct horse", None)
    assert len(passwords.new_password()) >= 20


@given(st.lists(st.floats(0, 10), max_size=50))
@example([1e-17, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0])  # too little to be seen beside 10: no wait was told, and nothing was counted
def test_never_more_attempts_than_allowed_within_the_window(steps: list[float]) -> None:
    throttle, now_s, let = Throttle(limit=3, window_s=10), 0.0, []
    for step in steps:
        now_s += step
        if throttle.wait_s("k", now_s) == 0:
            let.append(now_s)
    assert all(later - earlier >= 10 - 1e-9 for earlier, later in zip(let, let[3:], strict=False))  # to within rounding


def test_waiting_as_told_is_enough_and_success_begins_anew() -> None:
    throttle = Throttle(limit=1, window_s=10)
    assert throttle.wait_s("k", 0) == 0
    assert throttle.wait_s("k", 4) == 6
    assert throttle.wait_s("other", 4) == 0
    assert throttle.wait_s("k", 10) == 0
    throttle.forget("k")
    assert throttle.wait_s("k", 10) == 0

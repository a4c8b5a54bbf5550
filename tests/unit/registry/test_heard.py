"""One word that breaks the work costs itself, and no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pytest

from chelu.errors import UnreachableError
from services.registry.heard import MOST_AT_ONCE, MOST_HEARD, Heard
from services.registry.orders.answers import EPOCH, Said, passed_over


def said(*numbers: int, device: str = "rsu-1") -> list[Said]:
    return [Said(device, "command", EPOCH, number=number) for number in numbers]


def working(taken: list[int], *broken: int) -> Callable[[Sequence[Said]], bool]:
    """Takes all or nothing: nothing when one of the broken is among them."""

    def work(heard: Sequence[Said]) -> bool:
        numbers = [one.number for one in heard if one.number is not None]
        if found := set(broken).intersection(numbers):
            raise RecursionError(f"{sorted(found)} cannot be written")
        taken.extend(numbers)
        return False

    return work


def work_off(heard: Heard[Said], work: Callable[[Sequence[Said]], bool]) -> int:
    """Turns until there is no more to do at once; how many."""
    turns = 1
    while heard.turn(work):
        turns += 1
    return turns


@pytest.mark.parametrize("broken", [(0,), (1234,), (1999,), (0, 1, 2), (5, 700, 2500), tuple(range(40))])
def test_all_but_the_answers_that_break_the_work_are_taken_once_and_in_their_order(
    broken: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    heard, taken = Heard[Said](passed_over), list[int]()
    heard.add(said(*range(3000)))
    turns = work_off(heard, working(taken, *broken))
    assert taken == [number for number in range(3000) if number not in broken]
    assert heard.broken == len(broken)
    assert turns < 40 * len(broken)
    (record,) = caplog.records  # once of each device
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert record.getMessage().startswith("an answer of rsu-1 about command is passed over, since it breaks the work on orders;")


def test_each_device_whose_answers_break_the_work_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard[Said](passed_over)
    heard.add([*said(1, 2, device="rsu-1"), *said(3, 4, device="rsu-2")])
    work_off(heard, working([], 1, 2, 3, 4))
    assert heard.broken == 4
    assert [record.getMessage().split()[3] for record in caplog.records] == ["rsu-1", "rsu-2"]


def test_what_breaks_without_any_answer_is_raised_and_no_answer_is_lost() -> None:
    heard, taken = Heard[Said](passed_over), list[int]()
    heard.add(said(1, 2, 3))

    def work(_: Sequence[Said]) -> bool:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        work_off(heard, work)
    with pytest.raises(KeyError):
        work_off(heard, work)
    work_off(heard, working(taken))
    assert (taken, heard.broken) == ([1, 2, 3], 0)


def test_while_the_database_is_away_all_wait() -> None:
    heard, taken = Heard[Said](passed_over), list[int]()
    heard.add(said(1, 2, 3))

    def work(_: Sequence[Said]) -> bool:
        raise UnreachableError("the database", "here", "away")

    for _ in range(3):
        with pytest.raises(UnreachableError):
            heard.turn(work)
    heard.add(said(4))
    assert not heard.turn(working(taken))
    assert taken == [1, 2, 3, 4]


def test_a_turn_has_no_more_than_it_may_and_what_is_too_much_is_counted() -> None:
    heard, sizes = Heard[Said](passed_over), list[int]()
    heard.add(said(1) * (MOST_HEARD + 5))
    assert heard.overheard == 5

    def work(these: Sequence[Said]) -> bool:
        sizes.append(len(these))
        return False

    assert heard.turn(work)  # the rest
    assert sizes == [MOST_AT_ONCE]


def test_what_comes_during_the_work_waits_for_the_next_round_however_slow_that_is() -> None:
    heard, taken = Heard[Said](passed_over, at_once=2), list[int]()
    heard.add(said(1, 2, 3))

    def work(some: Sequence[Said]) -> bool:
        heard.add(said(10 + len(taken)))
        return working(taken)(some)

    assert work_off(heard, work) == 2, "three wait, and two are taken at once"
    assert (taken, len(heard)) == ([1, 2, 3, 10], 1)

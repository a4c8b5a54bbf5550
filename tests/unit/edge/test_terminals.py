"""The gateway's decisions for JT/T 808: who may register, with which code, and what is kept."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import Any

import pytest

from chelu.codec.jt808_frame import Message, Splitter, read
from chelu.codec.jt808_parts import ASK_S, PATIENCE_S, read_whole, split
from chelu.codec.jt808_talk import (
    Registered,
    Registration,
    Result,
    Say,
    encode_authentication,
    read_authentication,
    read_general_answer,
    read_registration,
    read_registration_answer,
)
from chelu.errors import CannotStartError, MalformedError
from edge.vehicles.codes import Codes
from edge.vehicles.directory import PHONE, Directory
from edge.vehicles.jt808 import MOST_WRONG_CODES, Jt808
from edge.vehicles.keys import Keys
from edge.vehicles.language import Peer, Reaction

NOW_US = 1_700_000_000_000_000  # 2023-11-14 22:13:20 UTC
PHONE_NUMBER, WHO = "13912345678", b"00000000013912345678"
LISTED = "device_id,vin,plate,phone\ncar-1,LCHELU00000000001,渝A12345,13912345678\ncar-2,,,13900000000\n"
ON_A_PLATE = Registration(50, 112, "CHELU", "X1", "T000001", 2, "渝A12345")
LOCATION = bytes(22) + bytes.fromhex("231115061320")


class Talk:
    """One gateway with two listed terminals, and the peers in it."""

    def __init__(self, directory: Path, *, replaces: bool = True, keys: Keys | None = None) -> None:
        (directory / "list.csv").write_text(LISTED)
        self.holders: dict[bytes, Peer] = {}
        self.codes = Codes(directory / "codes")
        listed = Directory(directory / "list.csv", naming=PHONE)
        self.jt808 = Jt808(listed, self.holders.get, codes=self.codes, keys=keys or Keys({}), replaces=replaces)
        self.peer, self.serial = Peer(), 0

    def message(self, kind: int, body: bytes = b"", *, edition: int = 2019, phone: str = PHONE_NUMBER, **more: Any) -> Message:
        self.serial += 1
        digits = 20 if edition == 2019 else 12
        return Message(edition, kind, phone.zfill(digits), self.serial, body, version=int(edition == 2019), **more)

    def say(self, message: Message, peer: Peer | None = None, now_s: float = 0.0) -> Reaction:
        return self.jt808.take(peer or self.peer, message.encode(), NOW_US, now_s)

    def ask(self, kind: int, body: bytes = b"", *, peer: Peer | None = None, **more: Any) -> tuple[int, str]:
        """Result and what was counted."""
        reaction = self.say(self.message(kind, body, **more), peer)
        (answer,) = Splitter().feed(reaction.reply)
        message, serial, result = read_general_answer(read(answer).body)
        assert (message, serial) == (kind, self.serial)
        return result, reaction.reason

    def register(self, who: Registration = ON_A_PLATE, **more: Any) -> tuple[int, bytes, str]:
        edition = more.get("edition", 2019)
        reaction = self.say(self.message(Say.REGISTER, who.encode(edition), **more))
        (answer,) = Splitter().feed(reaction.reply)
        assert read(answer).message == Say.REGISTER_ANSWER
        serial, result, code = read_registration_answer(read(answer).body)
        assert serial == self.serial
        return result, code, reaction.reason

    def log_in(self, edition: int = 2019, peer: Peer | None = None) -> None:
        body = encode_authentication(edition, self.codes.of(WHO))
        assert self.ask(Say.AUTHENTICATE, body, edition=edition, peer=peer) == (Result.OK, "")


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk(tmp_path)


@pytest.mark.parametrize("edition", [2013, 2019])
def test_a_listed_terminal_registers_authenticates_itself_reports_and_leaves(talk: Talk, edition: int) -> None:
    result, code, _ = talk.register(edition=edition)
    assert (result, len(code)) == (Registered.OK, 20)
    body = encode_authentication(edition, code, imei="860000000000001", software="1.2")
    assert talk.ask(Say.AUTHENTICATE, body, edition=edition) == (Result.OK, "")
    assert talk.ask(Say.HEARTBEAT, edition=edition) == (Result.OK, "")
    report = talk.message(Say.LOCATION, LOCATION, edition=edition)
    reaction = talk.say(report)
    assert (reaction.keep, reaction.device, reaction.who) == (report.encode(), "car-1", WHO)
    assert read_general_answer(read(reaction.reply).body) == (Say.LOCATION, report.serial, Result.OK)
    assert read_general_answer(read(reaction.instead).body) == (Say.LOCATION, report.serial, Result.WRONG)
    assert talk.ask(Say.LOGOUT, edition=edition) == (Result.OK, "")
    assert talk.ask(Say.LOCATION, LOCATION, edition=edition) == (Result.FAILED, "not_logged_in")


@pytest.mark.parametrize(
    ("who", "phone", "result", "reason"),
    [
        (ON_A_PLATE, "13999999999", Registered.NO_TERMINAL, "unknown_terminal"),
        (Registration(50, 112, "CHELU", "X1", "T000001", 2, "渝A99999"), PHONE_NUMBER, Registered.NO_VEHICLE, "other_vehicle"),
        (Registration(0, 0, "", "", "", 0, "LCHELU00000000009"), PHONE_NUMBER, Registered.NO_VEHICLE, "other_vehicle"),
        (Registration(0, 0, "", "", "", 0, "LCHELU00000000001"), PHONE_NUMBER, Registered.OK, ""),
        (Registration(0, 0, "", "", "", 1, "京B00001"), "13900000000", Registered.OK, ""),  # the list knows no plate of it
    ],
)
def test_who_may_not_register_is_told_why_and_is_given_no_code(
    talk: Talk, who: Registration, phone: str, result: Registered, reason: str
) -> None:
    answer, code, counted = talk.register(who, phone=phone)
    assert (answer, counted, bool(code)) == (result, reason, result == Registered.OK)


def test_nothing_is_taken_from_a_terminal_without_its_code(talk: Talk) -> None:
    for kind, body in (
        (Say.LOCATION, LOCATION),
        (Say.BATCH, b"\0\1\0\0\x1c" + LOCATION),
        (Say.HEARTBEAT, b""),
        (Say.LOGOUT, b""),
    ):
        assert talk.ask(kind, body) == (Result.FAILED, "not_logged_in")
    assert talk.ask(Say.AUTHENTICATE, b"\x04nope") == (Result.FAILED, "wrong_code")
    assert talk.ask(Say.AUTHENTICATE, b"\x04nope", phone="13999999999") == (Result.FAILED, "unknown_terminal")
    assert talk.ask(Say.AUTHENTICATE, b"\x09nope") == (Result.WRONG, "truncated")
    assert talk.ask(Say.REGISTER, b"short") == (Result.WRONG, "truncated")
    assert not talk.peer.vins


def test_whoever_guesses_codes_is_hung_up_on(talk: Talk) -> None:
    said = [talk.say(talk.message(Say.AUTHENTICATE, b"\x04nope")).is_last for _ in range(MOST_WRONG_CODES)]
    assert said == [False] * (MOST_WRONG_CODES - 1) + [True]


def test_one_terminal_does_not_speak_for_another_over_its_connection(talk: Talk) -> None:
    talk.log_in()
    assert talk.ask(Say.LOCATION, LOCATION, phone="13900000000") == (Result.FAILED, "not_logged_in")


def test_a_terminal_that_is_online_is_not_registered_again_from_elsewhere(talk: Talk) -> None:
    talk.holders[WHO] = Peer(vins={WHO: "car-1"})
    result, code, reason = talk.register()
    assert (result, code, reason) == (Registered.TERMINAL_TAKEN, b"", "second_registration")


def test_a_second_connection_with_the_right_code_is_taken_or_refused_as_configured(tmp_path: Path) -> None:
    for replaces, answer in ((True, (Result.OK, "")), (False, (Result.FAILED, "second_login"))):
        talk = Talk(tmp_path, replaces=replaces)
        talk.holders[WHO] = Peer(vins={WHO: "car-1"})
        assert talk.ask(Say.AUTHENTICATE, encode_authentication(2019, talk.codes.of(WHO))) == answer


def test_time_is_told_to_anybody_in_utc(talk: Talk) -> None:
    answer = read(talk.say(talk.message(Say.TIME)).reply)
    assert (answer.message, answer.body.hex()) == (Say.TIME_ANSWER, "231114221320")


def test_what_is_not_understood_is_said_to_be(talk: Talk) -> None:
    talk.log_in()
    assert talk.ask(0x0801, b"picture") == (Result.UNSUPPORTED, "unsupported_message")
    assert talk.say(talk.message(Say.ANSWER, b"\0\1\x81\x03\0")) == Reaction(WHO, reason="answer")


def test_one_connection_keeps_to_one_edition(talk: Talk) -> None:
    talk.log_in(2019)
    assert talk.ask(Say.LOCATION, LOCATION, edition=2013) == (Result.FAILED, "edition_changed")


def test_a_frame_whose_length_is_wrong_but_its_check_right_is_not_answered(talk: Talk) -> None:
    from tests.unit.codec.test_jt808 import framed, head

    reaction = talk.jt808.take(talk.peer, framed(head(2019, 29) + LOCATION), NOW_US, 0.0)
    assert (reaction.reason, reaction.reply, reaction.keep) == ("truncated", b"", b"")


def test_our_own_messages_are_numbered_one_by_one(talk: Talk) -> None:
    talk.log_in()
    serials = [
        read(talk.say(talk.message(kind, body)).reply).serial for kind, body in [(2, b""), (Say.LOCATION, LOCATION), (4, b"")]
    ]
    assert serials == [1, 2, 3]


# -- parts -----------------------------------------------------------------------------------------------------------------------


def long_batch(talk: Talk, count: int = 100) -> list[Message]:
    body = struct.pack(">HB", count, 1) + (b"\0\x1c" + LOCATION) * count
    return split(talk.message(Say.BATCH, body))


def test_a_batch_in_parts_is_kept_whole_and_each_part_is_answered(talk: Talk) -> None:
    talk.log_in()
    parts = long_batch(talk)
    reactions = [talk.say(part) for part in reversed(parts)]
    assert [(one.reply, one.keep) for one in reactions[:-1]] == [(b"", b"")] * (len(parts) - 1)
    last = reactions[-1]
    assert last.keep == b"".join(part.encode() for part in parts)
    assert len(read_whole(last.keep).body) == 3 + 100 * 30
    answers = [read_general_answer(read(answer).body) for answer in Splitter().feed(last.reply)]
    assert answers == [(Say.BATCH, part.serial, Result.OK) for part in parts]
    assert talk.jt808.check([last.keep]) == []


def test_parts_of_a_stranger_are_not_kept_waiting(talk: Talk) -> None:
    for part in long_batch(talk):
        assert talk.say(part).reason == "not_logged_in"


def test_a_batch_whose_parts_do_not_come_is_given_up_and_counted(talk: Talk) -> None:
    talk.log_in()
    parts = long_batch(talk)
    talk.say(parts[0], now_s=5.0)
    talk.say(parts[1], now_s=5.0)
    assert talk.jt808.tend(5.0 + PATIENCE_S).lost == {}
    assert talk.jt808.tend(6.0 + PATIENCE_S).lost == {"parts_missing": 2}
    assert talk.jt808.tend(7.0 + PATIENCE_S).lost == {}
    assert talk.say(parts[-1], now_s=8.0 + PATIENCE_S).keep == b""


@pytest.mark.parametrize(("edition", "count"), [(2013, "03"), (2019, "0003")])
def test_parts_that_did_not_come_are_asked_for_once(talk: Talk, edition: int, count: str) -> None:
    talk.log_in(edition)
    talk.holders[WHO] = talk.peer
    parts = split(talk.message(Say.BATCH, bytes(4000), edition=edition), 800)
    for number in (1, 3):
        talk.say(parts[number], now_s=1.0)
    assert talk.jt808.tend(1.0 + ASK_S).said == []
    ((who, frame),) = talk.jt808.tend(1.1 + ASK_S).said
    assert who == WHO
    assert read(frame).message == Say.RESEND
    assert read(frame).body.hex() == f"{parts[0].serial:04x}{count}000100030005"
    assert talk.jt808.tend(2.0 + ASK_S).said == []


def test_nobody_is_asked_for_parts_who_is_gone(talk: Talk) -> None:
    talk.log_in()
    talk.say(long_batch(talk)[0])
    assert talk.jt808.tend(1.0 + ASK_S).said == []


def test_what_of_the_kept_frames_cannot_be_read_is_found_side_by_side(talk: Talk) -> None:
    batch = struct.pack(">HB", 2, 0) + b"\0\x1c" + LOCATION + b"\0\x01\0"
    kept = [talk.message(Say.LOCATION, body).encode() for body in (LOCATION, LOCATION[:20])]
    found = talk.jt808.check([*kept, talk.message(Say.BATCH, batch).encode(), talk.message(Say.LOGOUT).encode()])
    assert [(fault.index, fault.reason, fault.is_whole) for fault in found] == [(1, "truncated", True), (2, "truncated", False)]


# -- codes -----------------------------------------------------------------------------------------------------------------------


def test_a_code_outlives_the_gateway_and_ends_with_its_terminals_logout(tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes")
    mine, other = codes.of(WHO), codes.of(b"1")
    assert mine != other
    assert Codes(tmp_path / "codes").is_right(WHO, mine)
    codes.end(WHO)
    for again in (codes, Codes(tmp_path / "codes")):
        assert not again.is_right(WHO, mine)
        assert again.is_right(b"1", other)
    with (tmp_path / "codes" / "ended").open("ab") as file:
        file.write(b"\xff\0")  # a power cut's
    assert Codes(tmp_path / "codes").is_right(b"1", other)
    assert Codes(tmp_path / "elsewhere").of(b"1") != other
    assert stat.S_IMODE((tmp_path / "codes" / "secret").stat().st_mode) == 0o600


def test_codes_without_a_place_are_a_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "codes").write_text("")
    with pytest.raises(CannotStartError, match="codes"):
        Codes(tmp_path / "codes")


# -- bodies ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", [2013, 2019])
def test_a_registration_is_read_as_it_was_written(edition: int) -> None:
    assert read_registration(edition, ON_A_PLATE.encode(edition)) == ON_A_PLATE


def test_a_code_of_2013_may_end_with_a_zero() -> None:
    assert read_authentication(2013, b"code\0") == b"code"


def test_a_general_answer_has_five_bytes() -> None:
    for body in (b"\0\0\0\0", b"\0\0\0\0\0\0"):
        with pytest.raises(MalformedError):
            read_general_answer(body)

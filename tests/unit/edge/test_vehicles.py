"""The gateway's decisions: who is whom, and what is answered."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.codec.gbt32960_frame import Answer, Command, Encryption, Frame, encode_time
from chelu.errors import ConfigurationError
from edge.settings import EdgeSettings
from edge.vehicles.dialogue import Dialogue, Do, Outcome
from edge.vehicles.directory import PHONE, Directory, Listed, Naming, read_vehicles
from edge.vehicles.directory import VIN as VIN_NAMING
from edge.vehicles.gbt32960 import read_platforms
from edge.vehicles.language import Peer

VIN, OTHER = b"LCHELU00000000001", b"LCHELU00000000002"
NOW_US = 1_700_000_000_000_000
TIME = encode_time(NOW_US)
LOGIN = TIME + b"\x00\x01" + b"8" * 20 + b"\x00\x00"


def frame(command: int, data: bytes = b"", *, vin: bytes = VIN, edition: int = 2016, encryption: int = Encryption.NONE) -> Frame:
    return Frame(edition, command, Answer.REQUEST, vin, encryption, data)


class Talk:
    """One gateway with one known vehicle, and the peers in it."""

    def __init__(self, *, replaces: bool = True) -> None:
        self.holders: dict[bytes, Peer] = {}
        self.dialogue = Dialogue(
            find={VIN: "car-1"}.get, holder=self.holders.get, platforms={"centre": "secret"}, replaces=replaces
        )
        self.peer = Peer()

    def say(self, request: Frame, peer: Peer | None = None) -> Outcome:
        return self.dialogue.take(peer or self.peer, request, NOW_US)


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_known_vehicle_logs_in_reports_and_logs_out(talk: Talk) -> None:
    for command, data in (
        (Command.LOGIN, LOGIN),
        (Command.REALTIME, TIME),
        (Command.REISSUE, TIME),
        (Command.LOGOUT, TIME + b"\0\1"),
    ):
        assert talk.say(frame(command, data)) == Outcome(Do.KEEP, Answer.OK, TIME, "car-1")
    assert talk.say(frame(Command.REALTIME, TIME)).reason == "not_logged_in"


@pytest.mark.parametrize(
    ("request_", "answer", "reason"),
    [
        (frame(Command.LOGIN, LOGIN, vin=OTHER), Answer.VIN_UNKNOWN, "unknown_vin"),
        (frame(Command.REALTIME, TIME), Answer.ERROR, "not_logged_in"),
        (frame(Command.LOGOUT, TIME + b"\0\1"), Answer.ERROR, "not_logged_in"),
        (frame(Command.HEARTBEAT), Answer.ERROR, "not_logged_in"),
        (frame(Command.LOGIN, LOGIN[:20]), Answer.ERROR, "too_short"),
        (frame(Command.LOGIN, LOGIN[:20], edition=2025), Answer.STRUCTURE, "too_short"),
        (frame(Command.LOGIN, LOGIN[:29]), Answer.ERROR, "too_short"),
        (frame(Command.LOGIN, LOGIN[:28] + b"\xff\x32"), Answer.ERROR, "too_short"),
        (frame(Command.LOGIN, LOGIN[:28] + b"\xff\x32", edition=2025), Answer.STRUCTURE, "too_short"),
        (frame(Command.LOGIN, LOGIN[:28] + b"\2\3ABCDEF\0"), Answer.ERROR, "too_long"),
        (frame(Command.LOGIN, LOGIN + bytes(50)), Answer.ERROR, "too_long"),
        (frame(Command.LOGIN, TIME[:1] + b"\x63" + LOGIN[2:]), Answer.ERROR, "wrong_time"),
        (frame(Command.LOGIN, bytes(5) + b"\x01" + LOGIN[6:], edition=2025), Answer.STRUCTURE, "wrong_time"),
        (frame(Command.LOGOUT, TIME + b"\0\1\0"), Answer.ERROR, "too_long"),
        (frame(Command.PLATFORM_LOGIN, bytes(42)), Answer.ERROR, "too_long"),
        (frame(Command.PLATFORM_LOGOUT, TIME + b"\0\1"), Answer.ERROR, "not_logged_in"),
        (frame(Command.ACTIVATION, TIME, edition=2025), Answer.ERROR, "unsupported_command"),
        (frame(0x7F, TIME), Answer.ERROR, "unsupported_command"),
    ],
)
def test_what_may_not_be_is_refused_with_its_code(talk: Talk, request_: Frame, answer: Answer, reason: str) -> None:
    outcome = talk.say(request_)
    assert (outcome.do, outcome.answer, outcome.reason) == (Do.REPLY, answer, reason)


@pytest.mark.parametrize("edition", [2016, 2025])
def test_a_terminal_whose_clock_was_never_set_is_let_in_and_may_ask_for_the_time(talk: Talk, edition: int) -> None:
    assert talk.say(frame(Command.LOGIN, bytes(6) + LOGIN[6:], edition=edition)).do is Do.KEEP


@pytest.mark.parametrize(("edition", "answer"), [(2016, Answer.ERROR), (2025, Answer.DECRYPTION)])
def test_encrypted_reports_are_refused(talk: Talk, edition: int, answer: Answer) -> None:
    talk.say(frame(Command.LOGIN, LOGIN, edition=edition))
    outcome = talk.say(frame(Command.REALTIME, TIME, edition=edition, encryption=Encryption.AES128))
    assert (outcome.answer, outcome.reason) == (answer, "encrypted")


@pytest.mark.parametrize(
    ("packs", "edition"), [(b"\0\0", 2016), (b"\2\0", 2016), (b"\2\3ABCDEF", 2016), (b"\0", 2025), (b"\1\2" + b"8" * 48, 2025)]
)
def test_a_login_names_as_many_packs_as_it_says(talk: Talk, packs: bytes, edition: int) -> None:
    assert talk.say(frame(Command.LOGIN, LOGIN[:28] + packs, edition=edition)).do is Do.KEEP


def test_a_login_that_is_refused_leaves_the_vehicle_its_line(talk: Talk) -> None:
    talk.say(frame(Command.LOGIN, LOGIN))
    talk.holders[VIN] = talk.peer
    other = Peer()
    assert talk.say(frame(Command.LOGIN, LOGIN + bytes(50)), other).do is Do.REPLY
    assert (other.vins, talk.peer.vins) == ({}, {VIN: "car-1"})


def test_heartbeat_and_time_are_answered_at_once(talk: Talk) -> None:
    assert talk.say(frame(Command.TIME)) == Outcome(Do.REPLY, data=TIME)
    talk.say(frame(Command.LOGIN, LOGIN))
    assert talk.say(frame(Command.HEARTBEAT)) == Outcome(Do.REPLY)


def test_an_answer_to_nothing_is_not_answered(talk: Talk) -> None:
    answer = Frame(2016, 0x80, Answer.OK, VIN, Encryption.NONE, TIME)
    assert talk.say(answer).do is Do.NOTHING


def test_one_connection_keeps_to_one_edition(talk: Talk) -> None:
    talk.say(frame(Command.LOGIN, LOGIN))
    assert talk.say(frame(Command.REALTIME, TIME, edition=2025)).reason == "edition_changed"


def test_a_second_login_of_a_vehicle_is_taken_or_refused_as_configured() -> None:
    for replaces, answer in ((True, Answer.OK), (False, Answer.VIN_DUPLICATE)):
        talk = Talk(replaces=replaces)
        talk.say(frame(Command.LOGIN, LOGIN))
        talk.holders[VIN] = talk.peer
        assert talk.say(frame(Command.LOGIN, LOGIN)).answer == Answer.OK  # over the same connection
        assert talk.say(frame(Command.LOGIN, LOGIN), Peer()).answer == answer


def platform(user: bytes = b"centre", password: bytes = b"secret") -> bytes:
    return TIME + b"\x00\x01" + user.ljust(12, b"\0") + password.ljust(20, b"\0") + b"\x01"


def test_a_platform_speaks_for_listed_vehicles_after_its_login(talk: Talk) -> None:
    assert talk.say(frame(Command.PLATFORM_LOGIN, platform())) == Outcome(Do.REPLY, data=TIME)
    assert talk.say(frame(Command.REALTIME, TIME)) == Outcome(Do.KEEP, Answer.OK, TIME, "car-1")
    assert talk.say(frame(Command.REALTIME, TIME, vin=OTHER)).answer == Answer.VIN_UNKNOWN
    assert talk.say(frame(Command.PLATFORM_LOGOUT, TIME + b"\0\1")).is_last
    assert talk.say(frame(Command.REALTIME, TIME)).reason == "not_logged_in"


@pytest.mark.parametrize("login", [platform(password=b"wrong"), platform(user=b"nobody"), platform(b"\xff" * 12, b"\xff" * 20)])
def test_a_platform_with_a_wrong_password_is_hung_up_on(talk: Talk, login: bytes) -> None:
    outcome = talk.say(frame(Command.PLATFORM_LOGIN, login))
    assert (outcome.answer, outcome.reason, outcome.is_last) == (Answer.ERROR, "platform_refused", True)


# -- files -----------------------------------------------------------------------------------------------------------------------


def test_the_registers_export_is_a_list_of_vehicles() -> None:
    text = "device_id,kind,vin,name\ncar-1,vehicle,LCHELU00000000001,first\nrsu-1,rsu,,\n"
    assert read_vehicles(text, source="here") == {VIN: Listed("car-1", VIN.decode())}


def test_a_vehicle_of_another_gateway_or_a_retired_one_is_not_ours() -> None:
    text = """device_id,kind,lifecycle,parent,vin
car-1,vehicle,active,gw,LCHELU00000000001
car-2,vehicle,active,other,LCHELU00000000002
car-3,vehicle,retired,gw,LCHELU00000000003
car-4,vehicle,planned,gw,LCHELU00000000004
trailer,vehicle,active,car-1,LCHELU00000000005
car-6,vehicle,active,,LCHELU00000000006
"""
    found = read_vehicles(text, source="here", gateway="gw")
    assert [listed.device for listed in found.values()] == ["car-1", "trailer"]


@pytest.mark.parametrize(
    ("head", "cell"),
    [
        ("phone", "13912345678"),
        ("label.phone", "13912345678"),
        ("labels", '"{""phone"": ""13912345678"", ""depot"": ""north""}"'),
    ],
)
def test_a_phone_number_is_a_column_or_a_label(head: str, cell: str) -> None:
    text = f"device_id,plate,{head}\ncar-1,渝A12345,{cell}\nrsu-1,,\n"
    found = read_vehicles(text, source="here", naming=PHONE)
    assert found == {b"00000000013912345678": Listed("car-1", "", "渝A12345")}


@pytest.mark.parametrize("phone", ["139-1", "１３９", "²", "٣"])
def test_a_phone_number_has_digits_only(phone: str) -> None:
    with pytest.raises(ConfigurationError, match=f"line 2: phone = '{phone}' is not allowed: 1 to 20 digits"):
        read_vehicles(f"device_id,phone\ncar-1,{phone}\n", source="list.csv", naming=PHONE)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "columns vin and device_id"),
        ("vin\nLCHELU00000000001\n", "columns vin and device_id"),
        ("vin,device_id\nSHORT,car-1\n", "line 2: vin = 'SHORT'"),
        ("vin,device_id\nLCHELU00000000001,car/1\n", "line 2: device_id"),
        ("vin,device_id\nLCHELU00000000001,\n", "line 2: device_id"),
        ("vin,device_id\nLCHELU00000000001,a\nLCHELU00000000001,b\n", "line 3: vin"),
        (
            "vin,device_id\n" + "x" * 131_073 + ",a\n",
            r"line 2: row = 'field larger .*' is not allowed: CSV with .* up to 131072 char",
        ),
        ("vin," + "x" * 131_073 + "\n", "line 1: row = 'field larger"),
        ('vin,device_id\n"LCHELU00000000001,a\nLCHELU00000000002,b\n', "line 2: row = 'unexpected end of data'"),
        ('device_id,labels\na,{}\nb,"{"\n', "line 3: labels = '{' is not allowed: a JSON object"),
        ("device_id,labels\na,7\n", "line 2: labels = '7' is not allowed: a JSON object"),
        ("device_id,labels\na," + "[" * 20_000 + "]" * 20_000 + "\n", "line 2: labels = '\\[\\[.* is not allowed: a JSON object"),
        ("vin,device_id\nLCHELU00000000001,a\0\n", r"line 2: device_id = 'a\\x00'"),
    ],
)
def test_a_wrong_list_of_vehicles_is_refused_by_line(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=f"list.csv.*{fault}"):
        read_vehicles(text, source="list.csv")


@given(st.text("vinphoe_dcl,\"'{}[]:\n\r\0 1２A", max_size=60), st.sampled_from((VIN_NAMING, PHONE)))
def test_every_list_is_one_or_refused_with_a_sentence(text: str, naming: Naming) -> None:
    for head in ("", "device_id,vin,phone,labels\n"):
        with suppress(ConfigurationError):
            found = read_vehicles(head + text, source="list.csv", naming=naming)
            assert all(name.isascii() and listed.device for name, listed in found.items())


def test_a_list_that_changes_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "vehicles.csv"
    file.write_text("vin,device_id\nLCHELU00000000001,car-1\n")
    directory = Directory(file)
    assert directory.find(OTHER) is None
    assert directory.find(OTHER) is None
    assert directory.unknown() == {OTHER.decode(): 2}
    assert not directory.reload()
    file.write_text("vin,device_id\nLCHELU00000000001,car-1\nLCHELU00000000002,car-2\n")
    os.utime(file, ns=(1, 1))
    assert directory.reload()
    assert directory.find(OTHER) == "car-2"
    assert directory.unknown() == {}
    for age, (wrong, fault) in enumerate(
        [(b"nonsense", "columns"), ("vin,device_id\n,渝A\n".encode("gbk"), r"line 2: row = b'\\xd3\\xe5A\\n' .* text in UTF-8")],
        2,
    ):
        file.write_bytes(wrong)
        os.utime(file, ns=(age, age))
        with pytest.raises(ConfigurationError, match=fault):
            directory.reload()
        assert not directory.reload()  # it is said once
        assert directory.find(VIN) == "car-1"


def test_vins_that_somebody_invents_do_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "vehicles.csv"
    file.write_text("vin,device_id\n")
    directory = Directory(file)
    for number in range(12_000):
        directory.find(b"%017d" % number)
    assert directory.unknown()["(others)"] == 2000
    assert len(directory.unknown()) == 100


def test_platforms_passwords_are_read_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "platforms"
    file.write_text("centre:secret\n\n")
    assert read_platforms(file) == {"centre": "secret"}
    file.write_text("centre secret\n")
    with pytest.raises(ConfigurationError, match="line 1") as refused:
        read_platforms(file)
    assert "secret" not in str(refused.value)


def test_only_a_gateway_speaks_for_vehicles() -> None:
    source = {"type": "gbt32960", "listen": "127.0.0.1:0", "vehicles": "vehicles.csv"}
    assert EdgeSettings.check({"kind": "gateway", "id": "g", "sources": [source]}, source="here").has_children
    for kind, sources in (("vehicle", [source]), ("gateway", [source, source])):
        with pytest.raises(ConfigurationError, match="gbt32960"):
            EdgeSettings.check({"kind": kind, "id": "g", "sources": sources}, source="here")

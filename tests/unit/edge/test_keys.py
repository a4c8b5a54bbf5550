"""Keys for vehicles that encrypt: what opens, what is refused, and that the gateway reads what it opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chelu.codec.gbt32960_frame import Answer, Command, Encryption, Frame, encode_time, read
from chelu.codec.jt808_talk import Result, Say
from chelu.errors import ConfigurationError
from edge.vehicles.directory import PHONE, VIN, Directory
from edge.vehicles.gbt32960 import Gbt32960
from edge.vehicles.jt808 import RSA
from edge.vehicles.keys import NoKeyError, WrongKeyError, read_keys
from edge.vehicles.language import Peer, Reaction
from tests.unit.edge.test_terminals import LOCATION, Talk

KEY, FIRST = bytes(range(16)), bytes(range(100, 116))
NAME = b"LCHELU00000000001"
NOW_US = 1_700_000_000_000_000
TIME = encode_time(NOW_US)
LOGIN = TIME + b"\x00\x01" + b"8" * 20 + b"\x00\x00"


def aes(data: bytes, mode: modes.ECB | modes.CBC, key: bytes = KEY) -> bytes:
    padder, encryptor = padding.PKCS7(128).padder(), Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.fixture
def keys_file(tmp_path: Path, private: rsa.RSAPrivateKey) -> Path:
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "platform.pem").write_bytes(pem)
    file = tmp_path / "keys"
    file.write_text(
        f"# who, how, with what\n{NAME.decode()} aes-128-ecb {KEY.hex()}\n"
        f"LCHELU00000000002 aes-128-cbc {KEY.hex()} {FIRST.hex()}\n\n* rsa platform.pem  # everyone's\n"
    )
    return file


def sealed(private: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """In blocks as large as the padding allows."""
    size = private.key_size // 8 - 11
    return b"".join(private.public_key().encrypt(data[at : at + size], PKCS1v15()) for at in range(0, len(data), size))


def test_each_vehicle_has_its_own_key_and_what_is_everyones(keys_file: Path, private: rsa.RSAPrivateKey) -> None:
    keys, data = read_keys(keys_file, VIN), bytes(range(200))
    assert keys.open(NAME, "aes-128", aes(data, modes.ECB())) == data
    assert keys.open(b"LCHELU00000000002", "aes-128", aes(data, modes.CBC(FIRST))) == data
    assert keys.open(b"LCHELU00000000003", "rsa", sealed(private, data)) == data
    with pytest.raises(NoKeyError, match="aes-128"):
        keys.open(b"LCHELU00000000003", "aes-128", aes(data, modes.ECB()))


@pytest.mark.parametrize("data", [b"", bytes(15), aes(b"secret", modes.ECB(), bytes(16))])
def test_data_that_a_key_does_not_open_is_refused(keys_file: Path, data: bytes) -> None:
    with pytest.raises(WrongKeyError):
        read_keys(keys_file, VIN).open(NAME, "aes-128", data)


@pytest.mark.parametrize(
    "line",
    ["X", "X aes-128-ecb", "X aes-128-ecb 0011", f"X aes-128-ecb {KEY.hex()} {FIRST.hex()}", f"X aes-128-cbc {KEY.hex()}",
     f"X des {KEY.hex()}", "X rsa nowhere.pem", "X aes-128-ecb secretsecretsecretsecretsecretxx"],
)  # fmt: skip
def test_a_wrong_line_is_named_and_never_shown(tmp_path: Path, line: str) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# first\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2") as refused:
        read_keys(file, VIN)
    assert KEY.hex() not in str(refused.value)
    assert "secretsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, r"cannot be read \(No such file or directory\)"), (b"no key", "must hold a private RSA key in PEM")],
)
def test_a_sound_line_whose_key_file_is_none_says_so(tmp_path: Path, content: bytes | None, said: str) -> None:
    (tmp_path / "keys").write_text("* rsa platform.pem\n")
    if content is not None:
        (tmp_path / "platform.pem").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"line 1' is not allowed: the file that it names {said}"):
        read_keys(tmp_path / "keys", VIN)


# -- GB/T 32960 ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gbt32960(tmp_path: Path, keys_file: Path) -> Gbt32960:
    (tmp_path / "list.csv").write_text(f"device_id,vin\ncar-1,{NAME.decode()}\ncar-3,LCHELU00000000003\n")
    keys = read_keys(keys_file, VIN)
    return Gbt32960(Directory(tmp_path / "list.csv"), lambda _: None, platforms={}, keys=keys, replaces=True)


def say(gateway: Gbt32960, peer: Peer, frame: Frame) -> Reaction:
    return gateway.take(peer, frame.encode(), NOW_US, 0.0)


@pytest.mark.parametrize("edition", [2016, 2025])
def test_encrypted_logins_and_reports_go_up_in_plain(gbt32960: Gbt32960, edition: int) -> None:
    peer = Peer()
    for command, data in ((Command.LOGIN, LOGIN), (Command.REALTIME, TIME)):
        plain = Frame(edition, command, Answer.REQUEST, NAME, Encryption.NONE, data)
        reaction = say(gbt32960, peer, replace(plain, encryption=Encryption.AES128, data=aes(data, modes.ECB())))
        assert (reaction.keep, reaction.device, reaction.reason) == (plain.encode(), "car-1", "")
        assert (read(reaction.reply).answer, read(reaction.reply).data) == (Answer.OK, TIME)
        assert gbt32960.check([reaction.keep]) == []


@pytest.mark.parametrize(("edition", "answer"), [(2016, Answer.ERROR), (2025, Answer.DECRYPTION)])
@pytest.mark.parametrize(
    ("vin", "method", "reason"),
    [
        (NAME, Encryption.AES128, "wrong_key"),
        (b"LCHELU00000000003", Encryption.AES128, "encrypted"),
        (NAME, Encryption.RSA, "wrong_key"),
        (NAME, Encryption.SM4, "encrypted"),
        (NAME, Encryption.INVALID, "encrypted"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_the_reason(
    gbt32960: Gbt32960, edition: int, answer: Answer, vin: bytes, method: int, reason: str
) -> None:
    for command in (Command.LOGIN, Command.REALTIME):
        frame = Frame(edition, command, Answer.REQUEST, vin, method, aes(LOGIN, modes.ECB(), bytes(16)) + b"x")
        reaction = say(gbt32960, Peer(vins={vin: "car"}), frame)
        assert (reaction.reason, reaction.keep, read(reaction.reply).answer) == (reason, b"", answer)
        assert reaction.detail


def test_rsa_opens_a_report_of_several_blocks(gbt32960: Gbt32960, private: rsa.RSAPrivateKey) -> None:
    vin, data = b"LCHELU00000000003", TIME + b"\x80\x00\xc8" + bytes(200)
    frame = Frame(2016, Command.REALTIME, Answer.REQUEST, vin, Encryption.RSA, sealed(private, data))
    reaction = say(gbt32960, Peer(vins={vin: "car-3"}), frame)
    assert read(reaction.keep).data == data


# -- JT/T 808 --------------------------------------------------------------------------------------------------------------------


def test_an_encrypted_location_goes_up_in_plain_where_there_is_a_key(
    tmp_path: Path, keys_file: Path, private: rsa.RSAPrivateKey
) -> None:
    talk = Talk(tmp_path, keys=read_keys(keys_file, PHONE))
    talk.log_in()
    message = talk.message(Say.LOCATION, LOCATION)
    reaction = talk.say(replace(message, body=sealed(private, LOCATION), flags=RSA))
    assert (reaction.keep, reaction.reason) == (message.encode(), "")


def test_an_encrypted_location_is_refused_where_there_is_none(tmp_path: Path, keys_file: Path) -> None:
    talk = Talk(tmp_path)
    talk.log_in()
    assert talk.ask(Say.LOCATION, bytes(128), flags=RSA) == (Result.UNSUPPORTED, "encrypted")
    assert talk.ask(Say.LOCATION, bytes(128), flags=0x0800) == (Result.UNSUPPORTED, "encrypted")
    opened = Talk(tmp_path, keys=read_keys(keys_file, PHONE))
    opened.log_in()
    assert opened.ask(Say.LOCATION, bytes(100), flags=RSA) == (Result.WRONG, "wrong_key")

"""A device's secrets on disk: 0600, whole, and one that counts at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from chelu.provisioning import Account, ProvisioningKey, account_of
from chelu.verifiers import is_verified
from edge.credential import CredentialFile
from edge.joining import hello, is_waiting, read_answer
from edge.settings import EdgeSettings, load

JOIN = 'kind = "rsu"\ncredential_file = "secret"\n[join]\nkey_file = "key"\nserial = "R1"\n'


@pytest.fixture
def file(tmp_path: Path) -> CredentialFile:
    return CredentialFile(tmp_path / "secret")


def test_a_next_secret_stays_the_same_until_it_counts(file: CredentialFile) -> None:
    file.path.write_text("old\n")
    lines = [file.prepare(), file.prepare()]
    following = file.next_secret()
    assert following is not None
    assert all(is_verified(following, line) for line in lines)
    assert file.secret() == "old"
    assert file.path.with_name("secret.next").stat().st_mode & 0o777 == 0o600
    file.promote()
    assert (file.secret(), file.next_secret()) == (following, None)
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["secret"]


def test_a_proposal_stays_the_same_until_it_is_accepted(file: CredentialFile) -> None:
    secret, line = file.proposal()
    assert CredentialFile(file.path).proposal() == (secret, line)
    assert is_verified(secret, line)
    assert file.device_id() is None
    file.accept("rsu-1")
    assert (file.secret(), file.device_id()) == (secret, "rsu-1")
    assert {path.name: path.stat().st_mode & 0o777 for path in file.path.parent.iterdir()} == {
        "secret": 0o600,
        "secret.id": 0o600,
    }


def test_power_that_fails_between_the_two_writes_leaves_a_device_that_asks_again(file: CredentialFile) -> None:
    proposal = file.proposal()
    file.path.with_name("secret.id").write_text("rsu-1\n")
    assert not file.path.exists()
    assert file.proposal() == proposal


def test_a_directory_that_cannot_be_written_is_said(file: CredentialFile) -> None:
    lost = CredentialFile(file.path.parent / "gone" / "secret")
    with pytest.raises(ConfigurationError, match="it cannot be written"):
        lost.prepare()


def test_a_device_without_a_name_joins_and_is_called_what_it_was_given(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(JOIN)
    read = load(config, {})
    assert (read.id, is_waiting(read)) == ("", True)
    file = CredentialFile(tmp_path / "secret")
    _, line = file.proposal()
    assert hello(read, line)["verifier"] == line
    assert "id" not in hello(read, line)
    file.accept("given")
    again = load(config, {})
    assert (again.id, is_waiting(again)) == ("given", False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "rsu"\n[join]\nkey_file = "k"\nserial = "s"\n', "needs credential_file"),
        ('kind = "rsu"\nid = ""\n', "id is required"),
        (JOIN.replace("R1", "R 1"), "join.serial = 'R 1'"),
    ],
)
def test_what_is_missing_for_joining_is_said(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load(config, {})


def test_an_answer_for_another_device_is_passed_over_and_one_without_an_id_refused() -> None:
    assert read_answer(b'{"id": "a", "fingerprint": "x"}', "x") == "a"
    assert read_answer(b'{"id": "a", "fingerprint": "y"}', "x") is None
    for payload in (b"", b"[]", b'{"fingerprint": "x"}', b'{"fingerprint": "x", "id": "a/b"}', b'{"fingerprint": "x", "id": 1}'):
        with pytest.raises(Exception, match="undecodable"):
            read_answer(payload, "x")


def test_a_key_is_read_as_it_was_shown_and_no_other_text() -> None:
    key = ProvisioningKey("crew.1", 4, "s" * 43)
    assert ProvisioningKey.read(f"{key}\n") == key
    assert "s" * 43 not in repr(key)
    for text in ("", "crew", "crew:0:" + "s" * 43, "crew:4:short", "cr+ew:4:" + "s" * 43, f"{key}:x"):
        with pytest.raises(ConfigurationError) as caught:
            ProvisioningKey.read(text)
        assert "sss" not in str(caught.value)


def test_a_place_belongs_to_its_account_and_moving_reaches_them_all() -> None:
    key = ProvisioningKey("crew.1", 6, "s" * 43)
    accounts = {key.account("R1", attempt) for attempt in range(200)}
    assert accounts == {Account("crew.1", number) for number in range(6)}
    assert all(account_of(account.place) == account for account in accounts)
    assert key.account("R1", 0) == key.account("R1", 0)
    assert account_of("nonsense").number == account_of("a.x").number == -1


def test_the_settings_keep_an_id_of_their_own_without_joining() -> None:
    assert EdgeSettings.check({"kind": "obu", "id": "obu-1"}, source="here").join is None

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from pathlib import Path

import pytest

from chelu.local.rights import Rights, Store, matches, parse_acl, parse_passwords

ACL = """
# comment
user ingest
topic read #
topic write +/+/receipt/down
pattern write rsu/%u/bsm/up
pattern read {kind}/%u/config/down
"""


def line(user: str, password: str) -> str:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 3)
    return f"{user}:$7$3${b64encode(salt).decode()}${b64encode(digest).decode()}\n"


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("a/b/#", "a", False),
        ("+", "a/b", False),
    ],
)
def test_filters_match_as_the_standard_says(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected


def test_a_pattern_gives_each_user_its_own_topics() -> None:
    rights = Rights({}, parse_acl(ACL))
    assert rights.allows("rsu-1", "rsu/rsu-1/bsm/up", is_write=True)
    assert not rights.allows("rsu-1", "rsu/rsu-2/bsm/up", is_write=True)
    assert not rights.allows("rsu-1", "rsu/rsu-1/bsm/up", is_write=False)


def test_a_users_topics_are_that_users_alone() -> None:
    rights = Rights({}, parse_acl(ACL))
    assert rights.allows("ingest", "obu/x/receipt/down", is_write=True)
    assert rights.allows("ingest", "anything", is_write=False)
    assert not rights.allows("rsu-1", "obu/x/receipt/down", is_write=True)


def test_passwords_are_checked_against_their_hash() -> None:
    rights = Rights(parse_passwords(line("a", "right") + "b:$6$old$hash\n"), ())
    assert rights.admits("a", "right")
    assert not rights.admits("a", "wrong")
    assert not rights.admits("b", "hash")
    assert not rights.admits("c", "right")


def test_changed_files_are_read_anew(tmp_path: Path) -> None:
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    passwords.write_text("")
    acl.write_text(ACL)
    store = Store(passwords, acl)
    assert not store.current().admits("a", "x")
    passwords.write_text(line("a", "x"))
    os.utime(passwords, ns=(1, 1))
    assert store.current().admits("a", "x")


def test_no_pattern_is_for_a_name_with_a_wildcard() -> None:
    rights = Rights({}, parse_acl(ACL + "user join+k+3\ntopic write join/+/k.3/data/#\npattern read join/#\n"))
    assert rights.allows("join+k+3", "join/R1/k.3/data/bsm", is_write=True)
    assert not rights.allows("join+k+3", "join/R1/k.3/data/bsm", is_write=False)
    assert rights.allows("rsu-1", "join/R1/k.3/data/bsm", is_write=False)
    assert not rights.allows("join+k+3", "rsu/join+k+3/bsm/up", is_write=True)

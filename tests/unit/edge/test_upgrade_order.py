"""Orders to upgrade as they are read, and what makers signed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.errors import MalformedError
from chelu.signing import Signer, Statement, is_signed
from edge.upgrade.order import UpgradeError, check_signed, read, read_keys
from tests.unit.edge.test_upgrade import ORDER, SIGNER


@given(st.dictionaries(st.sampled_from(sorted(ORDER)), st.one_of(st.none(), st.integers(), st.text(max_size=5))))
def test_every_document_is_an_order_or_malformed(change: dict[str, object]) -> None:
    try:
        upgrade = read(json.dumps({**ORDER, **change}).encode())
    except MalformedError:
        return
    assert "/" not in upgrade.name + upgrade.version


def test_a_signature_is_good_for_what_was_signed_and_nothing_else() -> None:
    statement = Statement("model", "motion", "1", 10, "ab" * 32)
    signature = SIGNER.sign(statement)
    assert is_signed(statement, signature, SIGNER.public_key)
    for other in (replace(statement, version="2"), replace(statement, size=11), replace(statement, sha256="cd" * 32)):
        assert not is_signed(other, signature, SIGNER.public_key)
    assert not is_signed(statement, signature, Signer.new().public_key)
    assert not is_signed(statement, "zz", SIGNER.public_key)
    assert not is_signed(statement, signature, "zz")
    with pytest.raises(UpgradeError, match="no key is"):
        check_signed(read(json.dumps(ORDER).encode()), {})


def test_keys_are_read_line_by_line() -> None:
    assert read_keys("# makers\n\nacme AB # the old one\nother cd\nbroken\n") == {"acme": "ab", "other": "cd"}

"""Messages of cooperation made wrong, and what must be true of their checking whatever they are."""

from __future__ import annotations

import copy
from random import Random

from chelu.codec.documents import read_object
from chelu.coop.catalogue import Direction, types
from chelu.coop.catalogue import check as check_message
from chelu.coop.examples import EXAMPLES
from chelu.errors import MalformedError, NotAllowedError
from evaluation.fuzz.strange import damaged


def frames(random: Random, count: int) -> list[bytes]:
    """Examples, most of them with strange values or damaged as text."""
    names = list(EXAMPLES)
    return [damaged(random, copy.deepcopy(EXAMPLES[random.choice(names)])) for _ in range(count)]


def check(batch: list[bytes], _random: Random) -> list[str]:
    """Check a batch; returns the verdict on each. AssertionError when something is not as it must be."""
    return [_verdict(payload) for payload in batch]


def _verdict(payload: bytes) -> str:
    try:
        document = read_object(payload)
        message = check_message(document, Direction.UP)
    except MalformedError as error:
        return str(error.reason)
    except NotAllowedError as error:
        if not (error.field and error.allowed and len(str(error)) < 10_000):
            raise AssertionError(f"a refusal says what is wrong: {payload!r}") from None
        return "out_of_range"
    if types()[document["type"]][0] is not type(message) or message.seqNum != document["seqNum"]:
        raise AssertionError(f"a message is what it says: {payload!r}")
    return "message"

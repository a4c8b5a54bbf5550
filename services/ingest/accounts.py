"""The books of a batch: per stream received = stored + dropped by reason, in rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chelu.messages import DropReason
from services.ingest.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Account:
    """One stream's line for one batch."""

    stream: str
    messages: int
    frames: int
    received: int
    stored: int
    missing: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Rows of a stream that were not stored, by sender and reason."""

    stream: str
    device_key: int | None
    reason: DropReason
    rows: int


def settle(
    prepared: Prepared, duplicates: Collection[int], lost: Mapping[str, int] | None = None
) -> tuple[list[Account], list[Drop]]:
    """The books of a batch once its duplicates (indices of messages) are known.

    lost: messages by stream that were dropped for want of room before anybody looked inside: one row each, ``queue_full``.
    """
    refused = np.zeros(len(prepared.messages), np.int64)
    np.add.at(refused, [refusal.message for refusal in prepared.refusals], 1)
    is_new = np.ones(len(prepared.messages), np.bool_)
    is_new[list(duplicates)] = False
    counted, streams = prepared.is_counted, prepared.routes.streams
    stream = prepared.routes.stream[prepared.route]
    received = prepared.rows + refused

    def sums(weights: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]) -> list[int]:
        totals: npt.NDArray[np.int64] = np.zeros(len(streams), np.int64)
        np.add.at(totals, stream[mask], weights[mask])
        return [int(total) for total in totals]

    lines = zip(
        streams,
        sums(np.ones(len(stream), np.int64), counted),
        sums(prepared.frames, counted),
        sums(received, counted),
        sums(prepared.rows, counted & is_new),
        strict=True,
    )
    accounts = [Account(*line, prepared.missing.get(line[0], 0)) for line in lines if line[1]]
    return _with_lost(accounts, lost or {}), _drops(prepared, received, frozenset(duplicates), lost or {})


def _drops(
    prepared: Prepared, received: npt.NDArray[np.int64], duplicates: Collection[int], lost: Mapping[str, int]
) -> list[Drop]:
    found: Counter[tuple[str, int | None, DropReason]] = Counter()
    for refusal in prepared.refusals:
        if refusal.message not in duplicates:
            found[(*_sender(prepared, refusal.message), refusal.reason)] += 1
    for message in duplicates:
        found[(*_sender(prepared, message), DropReason.DUPLICATE)] += int(received[message])
    for stream, number in lost.items():
        found[stream, None, DropReason.QUEUE_FULL] += number
    return [Drop(*where, number) for where, number in found.items() if number]


def _with_lost(accounts: Sequence[Account], lost: Mapping[str, int]) -> list[Account]:
    lines = {account.stream: account for account in accounts}
    for stream, number in lost.items():
        line = lines.get(stream, Account(stream, 0, 0, 0, 0, 0))
        lines[stream] = replace(line, messages=line.messages + number, received=line.received + number)
    return list(lines.values())


def _sender(prepared: Prepared, message: int) -> tuple[str, int | None]:
    route = prepared.route_of(message)
    return route.stream, route.device_key if route.device_key >= 0 else None

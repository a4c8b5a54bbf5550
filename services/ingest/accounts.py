"""The books of a batch: per stream received = stored + dropped by reason, in rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chelu.messages import DropReason
from services.ingest.prepared import Prepared
from services.ingest.routes import Route

Mask = npt.NDArray[np.bool_]


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


def settle(prepared: Prepared, is_duplicate: Mask, lost: Mapping[str, int] | None = None) -> tuple[list[Account], list[Drop]]:
    """The books of a batch once it is known which of its messages (n,) are duplicates.

    lost: messages by stream that were dropped for want of room before anybody looked inside: one row each, ``queue_full``.
    """
    refused = np.bincount(
        np.array([refusal.message for refusal in prepared.refusals], np.int64), minlength=len(prepared.messages)
    ).astype(np.int64)
    counted, streams = prepared.is_counted, prepared.routes.streams
    stream = prepared.routes.stream[prepared.route]
    received = prepared.rows + refused

    def sums(weights: npt.NDArray[np.int64], mask: Mask) -> list[int]:
        totals = np.bincount(stream[mask], weights[mask], len(streams))  # exact: a batch's sums are far below 2**53
        return [int(total) for total in totals]

    lines = zip(
        streams,
        sums(np.ones(len(stream), np.int64), counted),
        sums(prepared.frames, counted),
        sums(received, counted),
        sums(prepared.rows, counted & ~is_duplicate),
        strict=True,
    )
    accounts = [Account(*line, prepared.missing.get(line[0], 0)) for line in lines if line[1]]
    return _with_lost(accounts, lost or {}), _drops(prepared, received, is_duplicate, lost or {})


def _drops(prepared: Prepared, received: npt.NDArray[np.int64], is_duplicate: Mask, lost: Mapping[str, int]) -> list[Drop]:
    found: Counter[tuple[str, int | None, DropReason]] = Counter()
    for refusal in prepared.refusals:
        if not is_duplicate[refusal.message]:
            found[(*_sender(prepared.route_of(refusal.message)), refusal.reason)] += 1
    for route, number in _by_route(prepared.route[is_duplicate], received[is_duplicate]):
        found[(*_sender(prepared.routes.rows[route]), DropReason.DUPLICATE)] += number
    for stream, number in lost.items():
        found[stream, None, DropReason.QUEUE_FULL] += number
    return [Drop(*where, number) for where, number in found.items() if number]


def _with_lost(accounts: Sequence[Account], lost: Mapping[str, int]) -> list[Account]:
    lines = {account.stream: account for account in accounts}
    for stream, number in lost.items():
        line = lines.get(stream, Account(stream, 0, 0, 0, 0, 0))
        lines[stream] = replace(line, messages=line.messages + number, received=line.received + number)
    return list(lines.values())


def _by_route(route: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """The routes among these and the sum of rows of each."""
    found, place = np.unique(route, return_inverse=True)
    return list(zip(found.tolist(), np.bincount(place, rows).astype(np.int64).tolist(), strict=True))


def _sender(route: Route) -> tuple[str, int | None]:
    return route.stream, route.device_key if route.device_key >= 0 else None

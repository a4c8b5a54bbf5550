"""Compares what a load has sent with what the platform says it has stored and dropped of it: the site's books against ours.

The platform's accounts are of a time, not of a sender: on a site with other traffic the comparison is of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.table import Table

from chelu.api import Account
from chelu.clock import Clock
from simulators.load.report import LoadReport

PAUSE_S = 0.2
DUPLICATE = "duplicate"
Accounts = Callable[[], Mapping[str, Account]]  # of the batches that ingest began since the load began


@dataclass(frozen=True, slots=True)
class Balance:
    """Rows of one stream. in_transit: sent, and neither stored nor dropped; below 0 when faults or others added rows."""

    stream: str
    sent: int
    stored: int
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def in_transit(self) -> int:
        return self.sent - self.stored - sum(rows for reason, rows in self.dropped.items() if reason != DUPLICATE)


def balances(report: LoadReport, accounts: Accounts, clock: Clock, *, patience_s: float) -> list[Balance]:
    """One for each stream, once nothing is in transit any more or nothing has come for `patience_s`."""
    seen, since_s = -1, clock.monotonic_s()
    while True:
        found = accounts()
        result = [_balance(name, stream.rows, found.get(name)) for name, stream in report.streams.items()]
        received = sum(account.received for account in found.values())
        if received > seen:
            seen, since_s = received, clock.monotonic_s()
        if all(one.in_transit <= 0 for one in result) or clock.monotonic_s() - since_s > patience_s:
            return result
        clock.sleep(PAUSE_S)


def _balance(name: str, sent: int, account: Account | None) -> Balance:
    return Balance(name, sent, 0) if account is None else Balance(name, sent, account.stored, dict(account.dropped))


def balance_table(found: list[Balance]) -> Table:
    """A line for each stream."""
    shown = Table(title="sent, compared with the site's books (rows)")
    for name in ("stream", "sent", "stored", "dropped", "in transit"):
        shown.add_column(name, justify="left" if name in {"stream", "dropped"} else "right")
    for one in found:
        dropped = ", ".join(f"{rows:,} {reason}" for reason, rows in one.dropped.items() if rows) or "none"
        shown.add_row(one.stream, f"{one.sent:,}", f"{one.stored:,}", dropped, f"{one.in_transit:,}")
    return shown

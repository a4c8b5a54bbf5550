"""Many alarms of one site said at once, in the transaction of what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.alarms.rows import Finding, Key, clear_alarms, load_rules, raise_alarms
from services.registry.alarms.rules import Scope


@dataclass(frozen=True, slots=True)
class Word:
    """An alarm's kind, of whom and which part, and whether it is so; device_key: of the vehicle, when it is registered."""

    kind: str
    subject: str
    is_so: bool
    part: str = ""
    device_key: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def say(connection: Connection[DictRow], site_id: str, words: Sequence[Word], now_us: int) -> None:
    """Raise and clear, whatever their number, in a handful of statements."""
    if not words:
        return
    newest = {(word.kind, word.subject, word.part): word for word in words}.values()
    rules = load_rules(connection)
    findings = []
    for word in newest:
        rule = rules.of(word.kind, Scope(site_id, None if word.device_key is None else "vehicle", word.device_key))
        if word.is_so and rule.is_enabled:
            detail = dict(word.detail)
            findings.append(
                Finding(word.kind, word.subject, site_id, rule, part=word.part, device_key=word.device_key, detail=detail)
            )
    raise_alarms(connection, findings, now_us=now_us)
    over = [Key(word.kind, word.subject, word.part, site_id) for word in newest if not word.is_so]
    clear_alarms(connection, over, now_us=now_us)

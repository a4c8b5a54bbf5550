"""mosquitto's password and ACL files, read by the broker that stands in for it (mosquitto.conf(5), mosquitto_passwd(1))."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from chelu.verifiers import is_verified


@dataclass(frozen=True, slots=True)
class Rule:
    """A topic filter, whether it lets read and write, and whom it is for (None: everyone, as a pattern with %u and %c)."""

    user: str | None
    filter: str
    may_read: bool
    may_write: bool


Filters = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may come in, and who may do what. Client id and user name are one and the same. For one thread: it remembers."""

    passwords: dict[str, str]
    rules: tuple[Rule, ...]
    _known: dict[tuple[str, bool], Filters] = field(default_factory=dict, repr=False, compare=False)

    def admits(self, user: str, password: str) -> bool:
        """Whether the password is the user's; a kind of hash other than $7$ never matches."""
        return user in self.passwords and _matches(self.passwords[user], password)

    def allows(self, user: str, topic: str, *, is_write: bool) -> bool:
        """Whether some rule lets the user read or write the topic; no pattern is for a name with a wildcard, as in mosquitto."""
        granted = self._known.get((user, is_write))
        if granted is None:
            granted = self._known[user, is_write] = self._granted(user, is_write=is_write)
        levels = tuple(topic.split("/"))
        return any(_covers(one, levels) for one in granted)

    def _granted(self, user: str, *, is_write: bool) -> Filters:
        whom = {user} if "+" in user or "#" in user else {None, user}
        wanted = (rule for rule in self.rules if (rule.may_write if is_write else rule.may_read) and rule.user in whom)
        return tuple(tuple(rule.filter.replace("%u", user).replace("%c", user).split("/")) for rule in wanted)


class Store:
    """The two files, read anew when one of them has changed. For one thread."""

    def __init__(self, password_file: Path, acl_file: Path) -> None:
        self._files = (password_file, acl_file)
        self._stamps: tuple[int, ...] = ()
        self._rights = Rights({}, ())

    def current(self) -> Rights:
        """The rights as the files now have them."""
        found = [path.stat() for path in self._files]
        stamps = tuple(stamp for one in found for stamp in (one.st_mtime_ns, one.st_ino, one.st_size))
        if stamps != self._stamps:
            passwords, rules = (path.read_text(encoding="utf-8") for path in self._files)
            self._rights, self._stamps = Rights(parse_passwords(passwords), parse_acl(rules)), stamps
        return self._rights


def parse_passwords(text: str) -> dict[str, str]:
    """User → hash."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def parse_acl(text: str) -> tuple[Rule, ...]:
    """The rules in order: ``user`` opens a user's section of ``topic`` lines, ``pattern`` lines are for everyone."""
    user: str | None = None
    rules: list[Rule] = []
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "user":
            user = rest.strip()
        elif word in {"topic", "pattern"}:
            access, _, name = rest.strip().partition(" ")
            if access not in {"read", "write", "readwrite"}:
                access, name = "readwrite", rest
            rules.append(Rule(user if word == "topic" else None, name.strip(), "read" in access, "write" in access))
    return tuple(rules)


def matches(pattern: str, topic: str) -> bool:
    """Whether an MQTT topic filter matches a topic (MQTT 3.1.1, 4.7): + one level, # all that follow."""
    return _covers(tuple(pattern.split("/")), tuple(topic.split("/")))


def _covers(wanted: tuple[str, ...], found: tuple[str, ...]) -> bool:
    if wanted[-1] == "#":
        wanted, found = wanted[:-1], found[: len(wanted) - 1]
    return len(wanted) == len(found) and all(one in {"+", other} for one, other in zip(wanted, found, strict=True))


@lru_cache(maxsize=4096)
def _matches(stored: str, password: str) -> bool:
    return is_verified(password, stored)

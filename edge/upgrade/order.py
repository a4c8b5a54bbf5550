"""An upgrade as the platform orders it, read; and whether its maker is one that this device trusts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chelu.errors import CheluError, MalformedError
from chelu.signing import COMPONENTS, NAME, SHA256, VERSION, Statement, is_free, is_signed
from edge.control import read_document

MOST_BYTES = 64 << 30


class UpgradeError(CheluError):
    """An upgrade that failed; its text is what the platform is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What to install, and where from; or, with `is_rollback`, which version to go back to."""

    number: int
    name: str
    version: str
    is_rollback: bool = False
    component: str = "firmware"
    size: int = 0
    sha256: str = ""
    signature: str = ""
    key: str = ""
    url: str = ""
    token: str = ""

    @property
    def statement(self) -> Statement:
        """What its maker must have signed."""
        return Statement(self.component, self.name, self.version, self.size, self.sha256)

    def is_same_package(self, other: Upgrade) -> bool:
        """Whether what was fetched for the other is good for this."""
        return (self.sha256, self.size) == (other.sha256, other.size)

    def document(self) -> dict[str, Any]:
        """As it is kept on disk."""
        return asdict(self)


def read(payload: bytes) -> Upgrade:
    """Raises MalformedError naming field and value."""
    document = read_document(payload)
    number = document.get("seqNum")
    if isinstance(number, bool) or not isinstance(number, int):
        raise MalformedError("undecodable", f"seqNum = {number!r} is not a whole number")
    name, version = _matching(document, "name", NAME), _matching(document, "version", VERSION)
    action = document.get("action")
    if action == "rollback":
        return Upgrade(number=number, name=name, version=version, is_rollback=True)
    if action != "install":
        raise MalformedError("undecodable", f"action = {action!r} is not install or rollback")
    size, component = document.get("bytes"), document.get("component")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= MOST_BYTES:
        raise MalformedError("out_of_range", f"bytes = {size!r} is outside 1 … {MOST_BYTES}")
    if component not in COMPONENTS:
        raise MalformedError("undecodable", f"component = {component!r} is not one of {', '.join(COMPONENTS)}")
    return Upgrade(
        number=number,
        name=name,
        version=version,
        component=component,
        size=size,
        sha256=_matching(document, "sha256", SHA256),
        signature=_text(document, "signature"),
        key=_text(document, "key"),
        url=_text(document, "url"),
        token=_text(document, "token"),
    )


def kept(document: Mapping[str, Any]) -> Upgrade | None:
    """What `Upgrade.document` was; None for anything else."""
    try:
        return Upgrade(**document)
    except TypeError:
        return None


def check_signed(upgrade: Upgrade, trusted: Mapping[str, str]) -> None:
    """Raise UpgradeError unless a maker that is trusted (name → public key) has signed it."""
    if upgrade.key not in trusted:
        raise UpgradeError(f"key {upgrade.key!r} is not trusted here: {', '.join(sorted(trusted)) or 'no key is'}")
    if not is_signed(upgrade.statement, upgrade.signature, trusted[upgrade.key]):
        raise UpgradeError(f"{upgrade.name} {upgrade.version} is not what {upgrade.key} signed")


def read_keys(text: str) -> dict[str, str]:
    """The keys file: a line ``NAME PUBLIC-KEY-IN-HEXADECIMAL`` each; # begins a remark."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return {words[0]: words[1].lower() for words in lines if len(words) == 2}


def _text(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field, "")
    if not isinstance(value, str) or len(value) > 2000:
        raise MalformedError("undecodable", f"{field} = {value!r} is not a text")
    return value


def _matching(document: Mapping[str, Any], field: str, form: Any) -> str:
    value = document.get(field)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MalformedError("undecodable", f"{field} = {value!r} is not of the form {form.pattern}")
    if not is_free(value):
        raise MalformedError("undecodable", f"{field} = {value!r} is what a device calls a file of its own")
    return value

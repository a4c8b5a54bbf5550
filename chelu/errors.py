"""The one error root and its few subclasses; each carries its data as fields and says both numbers in its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN_CHARACTERS = 80  # of a value in a sentence
OUR_OWN = "Value error, "  # how pydantic begins the text of a check that we wrote


def plainly(message: str) -> str:
    """What pydantic says of a fault, without its name for our own checks."""
    return message.removeprefix(OUR_OWN)


class CheluError(Exception):
    """Root of every error Chelu raises on purpose; its text is one sentence a user can act on.

    exit_code: of the command that it ends.
    """

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """From another process it comes as it was raised there: of its text and fields, and not of what it was raised with."""
        return _again, (type(self), self.args, dict(vars(self)))


def _again(kind: type[CheluError], args: tuple[Any, ...], fields: Mapping[str, Any]) -> CheluError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class ConfigurationError(CheluError):
    """A setting is missing, unknown or outside what is allowed."""

    def __init__(self, key: str, value: object, allowed: str, *, source: str = "") -> None:
        self.key, self.value, self.allowed, self.source = key, value, allowed, source
        where = f"{source}: " if source else ""
        found = f"{key} is missing" if value is None else f"{key} = {_short(value)} is not allowed"
        super().__init__(f"{where}{found}: {allowed}")


def _short(value: object) -> str:
    """Its beginning and its end: of a long path the end is what tells one from another."""
    text = repr(value)
    half = SHOWN_CHARACTERS // 2
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:half]}…{text[-half:]}"


class CannotStartError(CheluError):
    """A component cannot start; says what is wrong and how to mend it."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}")


class MissingExtraError(CannotStartError):
    """A part of Chelu was called whose optional dependencies are not installed."""

    def __init__(self, extra: str, module: str) -> None:
        self.extra, self.module = extra, module
        super().__init__(f"the Python package {module!r} is not installed", f"run: pip install 'chelu[{extra}]'")


class MalformedError(CheluError):
    """Bytes or text that cannot be read as what they claim to be.

    ``reason`` is one of `chelu.messages.DropReason`'s values, so that a refusal can be counted as it is.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


class OutOfRangeError(CheluError):
    """A value that its field cannot hold."""

    def __init__(self, field: str, value: object, low: object, high: object) -> None:
        self.field, self.value, self.low, self.high = field, value, low, high
        super().__init__(f"{field} = {value!r} is outside {low} … {high}")


class NotAllowedError(OutOfRangeError):
    """A value that is none of those its field can hold, where that is no range."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(field, value, allowed, None)
        self.allowed = allowed
        self.args = (f"{field} = {_short(value)} is not allowed: {allowed}",)


class RefusedError(CheluError):
    """A peer (broker, database, registry) answered and said no."""

    def __init__(self, peer: str, request: str, answer: str) -> None:
        self.peer, self.request, self.answer = peer, request, answer
        super().__init__(f"{peer} refused {request}: {answer}")


class UnreachableError(CheluError):
    """A peer did not answer; trying again later may succeed."""

    def __init__(self, peer: str, address: str, detail: str) -> None:
        self.peer, self.address, self.detail = peer, address, detail
        super().__init__(f"{peer} at {address} cannot be reached: {detail}")

"""What to answer a terminal that speaks JT/T 808 of 2013 or 2019: decisions without I/O, but for the codes that end.

A terminal is known by its phone number. It registers and is given a code, authenticates itself with it on every connection, and
then reports. What was reported is answered once it is durable; so are the parts of a long message, all of them when it is whole,
each under its own serial number (the 2013 text allows one answer a part, or one for all: 7.12).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chelu.codec import jt808
from chelu.codec.jt808_frame import ENCRYPTION, Message, Splitter, read
from chelu.codec.jt808_parts import Assembler, Missing, join
from chelu.codec.jt808_talk import (
    Registered,
    Registration,
    Result,
    Say,
    general_answer,
    read_authentication,
    read_registration,
    registration_answer,
    reply,
    resend_request,
    time_answer,
)
from chelu.errors import MalformedError
from chelu.messages import frames_of
from edge.vehicles.codes import Codes
from edge.vehicles.directory import PHONE_DIGITS, Directory, Listed
from edge.vehicles.keys import Keys, NoKeyError, WrongKeyError
from edge.vehicles.language import Fault, Holder, Peer, Reaction, Tended

RSA = 0x0400  # the only method that the header names
MOST_WRONG_CODES = 5  # over one connection


@dataclass(frozen=True, slots=True)
class _Said:
    """One message, whole; parts: what it came in, itself when it came alone."""

    peer: Peer
    who: bytes
    message: Message
    parts: Sequence[Message]
    now_us: int

    def answered(self, result: Result, reason: str = "", *, detail: str = "", is_last: bool = False) -> Reaction:
        """Answer at once, each part under its own number."""
        return Reaction(self.who, reply=self.answer(result), reason=reason, detail=detail, is_last=is_last)

    def kept(self, device: str, reply_: bytes | None = None) -> Reaction:
        """Answer when it is durable."""
        frames, serial = b"".join(part.encode() for part in self.parts), self.peer.serial
        instead = self.answer(Result.WRONG)
        self.peer.serial = serial  # only one of the two is sent
        good = self.answer(Result.OK) if reply_ is None else reply_
        return Reaction(self.who, reply=good, keep=frames, device=device, instead=instead)

    def answer(self, result: Result) -> bytes:
        """A general answer for each part."""
        return b"".join(
            self.tell(Say.PLATFORM_ANSWER, general_answer(part.message, part.serial, result), part) for part in self.parts
        )

    def tell(self, kind: Say, body: bytes, to: Message | None = None) -> bytes:
        """A frame of ours, under our next serial number."""
        serial, self.peer.serial = self.peer.serial, (self.peer.serial + 1) & 0xFFFF
        return reply(to or self.message, kind, serial, body)


class Jt808:
    """A `Language`. replaces: whether a second connection of an authenticated terminal takes the first one's place."""

    name = "jt808"

    def __init__(self, directory: Directory, holder: Holder, *, codes: Codes, keys: Keys, replaces: bool) -> None:
        self.directory = directory
        self._holder, self._codes, self._keys, self._replaces = holder, codes, keys, replaces
        self._assembler = Assembler()

    def splitter(self) -> Splitter:
        """As `Language`."""
        return Splitter()

    def take(self, peer: Peer, raw: bytes, now_us: int, now_s: float) -> Reaction:
        """As `Language`."""
        try:
            message = read(raw)
        except MalformedError as error:
            return Reaction(b"", reason=error.reason, detail=error.detail)
        said = _Said(peer, _name_of(message), message, (message,), now_us)
        if peer.edition not in {None, message.edition}:
            return said.answered(Result.FAILED, "edition_changed")
        peer.edition = message.edition
        try:
            said = self._opened(said)
        except NoKeyError as error:
            return said.answered(Result.UNSUPPORTED, "encrypted", detail=str(error))
        except WrongKeyError as error:
            return said.answered(Result.WRONG, "wrong_key", detail=str(error))
        return self._part(said, now_s) if message.part else self._handle(said)

    def check(self, kept: Sequence[bytes]) -> list[Fault]:
        """As `Language`."""
        decoded = jt808.decode(frames_of(kept, 0))
        has_rows = set(decoded.rows["frame"].tolist())
        found = zip(decoded.rejects.index.tolist(), decoded.rejects.reason, decoded.rejects.detail, strict=True)
        return [Fault(index, str(reason), detail, is_whole=index not in has_rows) for index, reason, detail in found]

    def tend(self, now_s: float) -> Tended:
        """As `Language`: parts that did not come are asked for, then their messages are given up."""
        self._assembler.tend(now_s)
        dropped, self._assembler.dropped = self._assembler.dropped, Counter()
        asked = [self._asked(missing) for missing in self._assembler.missing(now_s)]
        return Tended(dropped, [one for one in asked if one is not None])

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _asked(self, missing: Missing) -> tuple[bytes, bytes] | None:
        """Who is asked for parts, and how; None when he is gone."""
        who = _name_of(missing.heard)
        peer = self._holder(who)
        if peer is None:
            return None
        body = resend_request(missing.heard.edition, missing.serial, missing.parts)
        return who, _Said(peer, who, missing.heard, (), 0).tell(Say.RESEND, body)

    def _opened(self, said: _Said) -> _Said:
        """With the body in plain, each part's by itself."""
        message = said.message
        if not message.is_encrypted:
            return said
        if message.flags & ENCRYPTION != RSA:
            raise NoKeyError("the data is encrypted by a method that no edition names")
        plain = replace(message, body=self._keys.open(said.who, "rsa", message.body), flags=message.flags & ~ENCRYPTION)
        return replace(said, message=plain, parts=(plain,))

    def _part(self, said: _Said, now_s: float) -> Reaction:
        if said.who not in said.peer.vins:  # a stranger's parts are not kept waiting
            return said.answered(Result.FAILED, "not_logged_in")
        parts = self._assembler.add(said.message, now_s)
        return self._handle(replace(said, message=join(parts), parts=parts)) if parts else Reaction(said.who)

    def _handle(self, said: _Said) -> Reaction:
        handle = _HANDLED.get(said.message.message)
        try:
            return handle(self, said) if handle else said.answered(Result.UNSUPPORTED, "unsupported_message")
        except MalformedError as error:
            return said.answered(Result.WRONG, error.reason, detail=error.detail)

    def _register(self, said: _Said) -> Reaction:
        wanted = read_registration(said.message.edition, said.message.body)
        listed, holder = self.directory.listed(said.who), self._holder(said.who)
        if listed is None:
            return self._refused(said, Registered.NO_TERMINAL, "unknown_terminal")
        if not _is_on(wanted, listed):
            return self._refused(said, Registered.NO_VEHICLE, "other_vehicle")
        if holder is not None and holder is not said.peer:  # whoever is online has its code
            return self._refused(said, Registered.TERMINAL_TAKEN, "second_registration")
        body = registration_answer(said.message.serial, Registered.OK, self._codes.of(said.who))
        return said.kept(listed.device, said.tell(Say.REGISTER_ANSWER, body))

    def _refused(self, said: _Said, result: Registered, reason: str) -> Reaction:
        body = registration_answer(said.message.serial, result)
        return Reaction(said.who, reply=said.tell(Say.REGISTER_ANSWER, body), reason=reason)

    def _authenticate(self, said: _Said) -> Reaction:
        code = read_authentication(said.message.edition, said.message.body)
        device, holder = self.directory.find(said.who), self._holder(said.who)
        if device is None:
            return said.answered(Result.FAILED, "unknown_terminal")
        if not self._codes.is_right(said.who, code):
            said.peer.wrong_codes += 1
            return said.answered(Result.FAILED, "wrong_code", is_last=said.peer.wrong_codes >= MOST_WRONG_CODES)
        if not self._replaces and holder is not None and holder is not said.peer:
            return said.answered(Result.FAILED, "second_login")
        said.peer.vins[said.who] = device
        return said.answered(Result.OK)

    def _report(self, said: _Said) -> Reaction:
        device = said.peer.vins.get(said.who)
        return said.kept(device) if device else said.answered(Result.FAILED, "not_logged_in")

    def _logout(self, said: _Said) -> Reaction:
        device = said.peer.vins.get(said.who)
        if device is None:
            return said.answered(Result.FAILED, "not_logged_in")
        try:
            self._codes.end(said.who)
        except OSError as error:
            return Reaction(said.who, reason="not_kept", detail=str(error))
        del said.peer.vins[said.who]
        return said.kept(device)

    def _heartbeat(self, said: _Said) -> Reaction:
        return said.answered(Result.OK) if said.who in said.peer.vins else said.answered(Result.FAILED, "not_logged_in")

    def _time(self, said: _Said) -> Reaction:
        return Reaction(said.who, reply=said.tell(Say.TIME_ANSWER, time_answer(said.now_us)))

    def _answer(self, said: _Said) -> Reaction:
        return Reaction(said.who, reason="answer")  # to a request that nobody made


_HANDLED: Mapping[int, Callable[[Jt808, _Said], Reaction]] = {
    Say.ANSWER: Jt808._answer,
    Say.HEARTBEAT: Jt808._heartbeat,
    Say.LOGOUT: Jt808._logout,
    Say.TIME: Jt808._time,
    Say.REGISTER: Jt808._register,
    Say.AUTHENTICATE: Jt808._authenticate,
    Say.LOCATION: Jt808._report,
    Say.BATCH: Jt808._report,
}


def _name_of(message: Message) -> bytes:
    """As the directory has it: with as many digits in both editions."""
    return message.phone.zfill(PHONE_DIGITS).encode()


def _is_on(wanted: Registration, listed: Listed) -> bool:
    """Whether a terminal registers for the vehicle that the list has it on; what the list does not say is not compared."""
    known = listed.vin if wanted.plate_colour == 0 else listed.plate
    return not known or known == wanted.plate

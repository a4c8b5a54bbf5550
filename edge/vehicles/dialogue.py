"""What to answer a vehicle or another platform that speaks GB/T 32960.3 (its clauses 6 and 7): decisions without I/O."""

from __future__ import annotations

import datetime
import enum
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chelu.codec.gbt32960_frame import MOST_DATA, Answer, Command, Encryption, Frame, encode_time
from edge.vehicles.language import Peer

TIME = 6
# Bytes, from and to. A login has time, serial number, ICCID and a count of packs; in 2016 then the length of a pack's code and as
# many codes, in 2025 at least a byte for each (no public text says more of it).
LENGTHS: Mapping[int, tuple[int, int]] = {
    Command.LOGIN: (29, MOST_DATA),
    Command.LOGOUT: (8, 8),
    Command.REALTIME: (TIME, MOST_DATA),
    Command.REISSUE: (TIME, MOST_DATA),
    Command.PLATFORM_LOGIN: (41, 41),
    Command.PLATFORM_LOGOUT: (8, 8),
}
COUNT, CODE_LENGTH = 28, 29  # places in a login
USER, PASSWORD = slice(8, 20), slice(20, 40)  # of a platform's login: time, serial number, user, password, encryption


class Do(enum.Enum):
    """What is done with a frame."""

    REPLY = enum.auto()  # answer at once
    KEEP = enum.auto()  # publish it for `device`, answer once that is durable
    NOTHING = enum.auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """reason: what is counted, nothing when all is well; is_last: hang up behind the answer."""

    do: Do
    answer: Answer = Answer.OK
    data: bytes = b""
    device: str = ""
    reason: str = ""
    is_last: bool = False


class Dialogue:
    """find(vin): the device's id or None; holder(vin): the peer that the VIN is logged in at, or None. For one thread."""

    def __init__(
        self,
        *,
        find: Callable[[bytes], str | None],
        holder: Callable[[bytes], Peer | None],
        platforms: Mapping[str, str],
        replaces: bool,
    ) -> None:
        self._find, self._holder, self._platforms, self._replaces = find, holder, platforms, replaces

    def take(self, peer: Peer, frame: Frame, now_us: int) -> Outcome:
        """Decide on one sound frame; changes `peer` when it logs in or out."""
        if peer.edition not in {None, frame.edition}:
            return _refuse(frame, Answer.ERROR, "edition_changed")
        peer.edition = frame.edition
        if frame.answer != Answer.REQUEST:
            return Outcome(Do.NOTHING, reason="answer")  # to a request that nobody made
        if frame.command in LENGTHS and frame.encryption != Encryption.NONE:  # whoever has a key has opened it before
            return _refuse(frame, Answer.DECRYPTION if frame.edition == 2025 else Answer.ERROR, "encrypted")
        if fault := _fault(frame):
            return _refuse(frame, structure_error(frame.edition), fault)
        handle = _HANDLED.get(frame.command)
        return handle(self, peer, frame, now_us) if handle else _refuse(frame, Answer.ERROR, "unsupported_command")

    # -- vehicles ------------------------------------------------------------------------------------------------------------

    def _login(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        device = self._find(frame.vin)
        if device is None:
            return _refuse(frame, Answer.VIN_UNKNOWN, "unknown_vin")
        holder = self._holder(frame.vin)
        if not self._replaces and holder is not None and holder is not peer:
            return _refuse(frame, Answer.VIN_DUPLICATE, "second_login")
        peer.vins[frame.vin] = device
        return _keep(frame, device)

    def _logout(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        device = peer.vins.pop(frame.vin, None)
        return _keep(frame, device) if device else _refuse(frame, Answer.ERROR, "not_logged_in")

    def _report(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        device = peer.vins.get(frame.vin)
        if device is None and peer.platform is not None:
            device = self._find(frame.vin)
            if device is None:
                return _refuse(frame, Answer.VIN_UNKNOWN, "unknown_vin")
        if device is None:
            return _refuse(frame, Answer.ERROR, "not_logged_in")
        return _keep(frame, device)

    def _heartbeat(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        is_known = frame.vin in peer.vins or peer.platform is not None
        return Outcome(Do.REPLY) if is_known else Outcome(Do.REPLY, Answer.ERROR, reason="not_logged_in")

    def _time(self, _: Peer, __: Frame, now_us: int) -> Outcome:
        return Outcome(Do.REPLY, data=encode_time(now_us))

    # -- platforms -----------------------------------------------------------------------------------------------------------

    def _platform_login(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        user = frame.data[USER].rstrip(b"\0 ").decode("ascii", "replace")
        password = self._platforms.get(user)
        given = frame.data[PASSWORD].rstrip(b"\0 ")
        if password is None or not hmac.compare_digest(password.encode(), given):
            return Outcome(Do.REPLY, Answer.ERROR, frame.data[:TIME], reason="platform_refused", is_last=True)
        peer.platform = user
        return Outcome(Do.REPLY, data=frame.data[:TIME])

    def _platform_logout(self, peer: Peer, frame: Frame, _: int) -> Outcome:
        if peer.platform is None:
            return _refuse(frame, Answer.ERROR, "not_logged_in")
        peer.platform = None
        return Outcome(Do.REPLY, data=frame.data[:TIME], is_last=True)


_Handler = Callable[[Dialogue, Peer, Frame, int], Outcome]
_HANDLED: Mapping[int, _Handler] = {
    Command.LOGIN: Dialogue._login,
    Command.REALTIME: Dialogue._report,
    Command.REISSUE: Dialogue._report,
    Command.LOGOUT: Dialogue._logout,
    Command.PLATFORM_LOGIN: Dialogue._platform_login,
    Command.PLATFORM_LOGOUT: Dialogue._platform_logout,
    Command.HEARTBEAT: Dialogue._heartbeat,
    Command.TIME: Dialogue._time,
}


def structure_error(edition: int) -> Answer:
    """What says that data cannot be read: 2016 has no code of its own for it."""
    return Answer.STRUCTURE if edition == 2025 else Answer.ERROR


def _fault(frame: Frame) -> str:
    """What is wrong with the data, as it is counted; nothing for commands whose data is not read."""
    least, most = LENGTHS.get(frame.command, (0, MOST_DATA))
    size = len(frame.data)
    if frame.command == Command.LOGIN and size >= least:
        least, most = _login_length(frame)
    if size < least:
        return "too_short"
    if size > most:
        return "too_long"
    return "wrong_time" if frame.command == Command.LOGIN and not _is_time(frame.data) else ""


def _login_length(frame: Frame) -> tuple[int, int]:
    count = frame.data[COUNT]
    if frame.edition == 2025:
        return COUNT + 1 + count, MOST_DATA
    if len(frame.data) == CODE_LENGTH:
        return CODE_LENGTH + 1, MOST_DATA
    length = CODE_LENGTH + 1 + count * frame.data[CODE_LENGTH]
    return length, length


def _is_time(data: bytes) -> bool:
    """Whether a calendar has it, or the clock was never set: who is let in may ask for the time."""
    if data[:TIME] == bytes(TIME):
        return True
    year, month, day, hour, minute, second = data[:TIME]
    try:
        datetime.datetime(2000 + year, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def _keep(frame: Frame, device: str) -> Outcome:
    return Outcome(Do.KEEP, data=frame.data[:TIME], device=device)  # an answer holds the request's time and nothing else


def _refuse(frame: Frame, answer: Answer, reason: str) -> Outcome:
    return Outcome(Do.REPLY, answer, frame.data[:TIME], reason=reason)

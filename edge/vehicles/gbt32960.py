"""GB/T 32960.3 for the gateway: `Dialogue`'s decisions as bytes, behind decryption where there is a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chelu.codec.gbt32960_frame import Encryption, Frame, Splitter, name_of_encryption, read
from chelu.codec.gbt32960_report import parse
from chelu.errors import ConfigurationError
from chelu.messages import frames_of
from edge.vehicles.dialogue import Dialogue, Do, structure_error
from edge.vehicles.directory import Directory
from edge.vehicles.keys import Keys, NoKeyError, WrongKeyError
from edge.vehicles.language import Fault, Holder, Peer, Reaction, Tended

CIPHERS: Mapping[int, str] = {Encryption.RSA: "rsa", Encryption.AES128: "aes-128"}


class Gbt32960:
    """A `Language`."""

    name = "gbt32960"

    def __init__(self, directory: Directory, holder: Holder, *, platforms: Mapping[str, str], keys: Keys, replaces: bool) -> None:
        self.directory, self._keys = directory, keys
        self._dialogue = Dialogue(find=directory.find, holder=holder, platforms=platforms, replaces=replaces)

    def splitter(self) -> Splitter:
        """As `Language`."""
        return Splitter()

    def take(self, peer: Peer, raw: bytes, now_us: int, now_s: float) -> Reaction:  # noqa: ARG002 - nothing waits here
        """As `Language`."""
        frame = read(raw)
        opened, reason, detail = self._opened(frame)
        outcome = self._dialogue.take(peer, opened, now_us)
        return Reaction(
            frame.vin,
            reply=b"" if outcome.do is Do.NOTHING else opened.reply(outcome.answer, outcome.data).encode(),
            keep=opened.encode() if outcome.do is Do.KEEP and opened is not frame else raw if outcome.do is Do.KEEP else b"",
            device=outcome.device,
            instead=opened.reply(structure_error(frame.edition), outcome.data).encode() if outcome.do is Do.KEEP else b"",
            reason=reason if outcome.reason == "encrypted" else outcome.reason,
            detail=detail,
            is_last=outcome.is_last,
        )

    def check(self, kept: Sequence[bytes]) -> list[Fault]:
        """As `Language`."""
        refused = parse(frames_of(kept, 0)).rejects
        found = zip(refused.index.tolist(), refused.reason, refused.detail, strict=True)
        return [Fault(index, str(reason), detail) for index, reason, detail in found]

    def tend(self, now_s: float) -> Tended:  # noqa: ARG002 - nothing waits here
        """As `Language`."""
        return Tended()

    def _opened(self, frame: Frame) -> tuple[Frame, str, str]:
        """The frame decrypted, or as it is with the reason why not."""
        if frame.encryption == Encryption.NONE or not frame.data:
            return frame, "", ""
        try:
            cipher = CIPHERS.get(frame.encryption, name_of_encryption(frame.encryption))
            data = self._keys.open(frame.vin, cipher, frame.data)
        except NoKeyError as error:
            return frame, "encrypted", str(error)
        except WrongKeyError as error:
            return frame, "wrong_key", str(error)
        return replace(frame, encryption=int(Encryption.NONE), data=data), "", ""


def read_platforms(file: Path) -> Mapping[str, str]:
    """Lines ``user:password`` of platforms that may log in; ConfigurationError for a line that is none, without showing it."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("platforms_file", str(file), f"it cannot be read ({error})") from None
    found = {}
    for number, line in enumerate(lines, 1):
        user, separator, password = line.strip().partition(":")
        if not line.strip():
            continue
        if not separator or not 1 <= len(user) <= 12 or not 1 <= len(password) <= 20:
            raise ConfigurationError("platforms_file", f"line {number}", "user:password of at most 12 and 20 characters")
        found[user] = password
    return found

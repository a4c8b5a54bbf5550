"""Keys for vehicles that encrypt what they send: who → cipher, from a file that only this gateway can read.

Neither standard's public text says how blocks are chained and padded; what makers do differs. So the file says it, vehicle by
vehicle: ECB or CBC with a fixed first block, padded as in PKCS #7; RSA in blocks of the key's size, padded as in PKCS #1 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chelu.errors import CheluError, ConfigurationError
from edge.vehicles.directory import Naming, key_of

BLOCK = 16
EVERYONE = "*"
FORMS = "NAME rsa FILE.pem, NAME aes-128-ecb KEY or NAME aes-128-cbc KEY FIRST-BLOCK, keys in hexadecimal digits"
Open = Callable[[bytes], bytes]


class NoKeyError(CheluError):
    """There is no key of that kind for this vehicle."""


class WrongKeyError(CheluError):
    """The key there is does not open the data."""


class Keys:
    """cipher: ``rsa`` or ``aes-128``; a vehicle's own line goes before that of everyone (``*``)."""

    def __init__(self, openers: Mapping[tuple[bytes, str], Open]) -> None:
        self._openers = openers

    def __len__(self) -> int:
        return len(self._openers)

    def open(self, who: bytes, cipher: str, data: bytes) -> bytes:
        """The plain bytes; raises NoKeyError or WrongKeyError."""
        opener = self._openers.get((who, cipher)) or self._openers.get((EVERYONE.encode(), cipher))
        if opener is None:
            raise NoKeyError(f"the data is encrypted ({cipher}) and there is no key")
        try:
            return opener(data)
        except ValueError as error:
            raise WrongKeyError(f"the data cannot be decrypted ({cipher}): {error}") from None


def read_keys(file: Path | None, naming: Naming) -> Keys:
    """Lines as `FORMS` says, ``#`` begins a comment; ConfigurationError for a line that is none of them, without showing it."""
    if file is None:
        return Keys({})
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("keys_file", str(file), f"it cannot be read ({error})") from None
    found: dict[tuple[bytes, str], Open] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            try:
                cipher, opener = _opener(words, file.parent)
            except OSError as error:
                said = f"the file that it names cannot be read ({error.strerror})"
                raise ConfigurationError("keys_file", f"line {number}", said, source=str(file)) from None
            except TypeError:
                said = "the file that it names must hold a private RSA key in PEM, without a passphrase"
                raise ConfigurationError("keys_file", f"line {number}", said, source=str(file)) from None
            except ValueError:
                raise ConfigurationError("keys_file", f"line {number}", FORMS, source=str(file)) from None
            who = words[0].encode() if words[0] == EVERYONE else key_of(naming, words[0])
            found[who, cipher] = opener
    return Keys(found)


def _opener(words: list[str], base: Path) -> tuple[str, Open]:
    _, method, *rest = words
    if method == "rsa" and len(rest) == 1:
        return "rsa", _rsa((base / rest[0]).read_bytes())
    key, *first = (bytes.fromhex(word) for word in rest)
    if any(len(one) != BLOCK for one in (key, *first)):
        raise ValueError("a key has 16 bytes")
    if method == "aes-128-ecb" and not first:
        return "aes-128", _aes(key, modes.ECB())  # noqa: S305 - what terminals do; nothing is encrypted by us
    if method == "aes-128-cbc" and len(first) == 1:
        return "aes-128", _aes(key, modes.CBC(first[0]))
    raise ValueError(method)


def _aes(key: bytes, mode: modes.ECB | modes.CBC) -> Open:
    cipher = Cipher(algorithms.AES128(key), mode)

    def opener(data: bytes) -> bytes:
        decryptor, unpadder = cipher.decryptor(), padding.PKCS7(8 * BLOCK).unpadder()
        plain = decryptor.update(data) + decryptor.finalize()
        return unpadder.update(plain) + unpadder.finalize()

    return opener


def _rsa(pem: bytes) -> Open:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except ValueError as error:
        raise TypeError("no key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("no RSA key")
    size = key.key_size // 8

    def opener(data: bytes) -> bytes:
        if not data or len(data) % size:
            raise ValueError(f"{len(data)} bytes where blocks have {size}")
        return b"".join(key.decrypt(data[at : at + size], PKCS1v15()) for at in range(0, len(data), size))

    return opener

"""Which device a vehicle is: VIN → device id, from a file that may be replaced while the gateway runs."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from chelu.errors import ConfigurationError

ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST_LISTED = 100
MOST_UNKNOWN = 10_000  # VINs that are told apart; whoever invents more of them is counted as one


def read_vehicles(text: str, *, source: str) -> dict[bytes, str]:
    """CSV with columns ``vin`` and ``device_id`` (what `chelu device export` writes); rows without a VIN are passed over.

    Raises ConfigurationError for the first line that is wrong.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = {"vin", "device_id"} - set(reader.fieldnames or ())
    if missing:
        raise ConfigurationError("vehicles", sorted(reader.fieldnames or ()), "columns vin and device_id", source=source)
    found: dict[bytes, str] = {}
    for row in reader:
        vin, device = (row["vin"] or "").strip(), (row["device_id"] or "").strip()
        if not vin:
            continue
        where = f"{source}, line {reader.line_num}"
        if not re.fullmatch(r"[ -~]{17}", vin):
            raise ConfigurationError("vin", vin, "17 characters", source=where)
        if not ID.fullmatch(device):
            raise ConfigurationError("device_id", device, "1 to 64 letters, digits, dots, underscores or hyphens", source=where)
        if found.setdefault(vin.encode("ascii"), device) != device:
            raise ConfigurationError("vin", vin, "given once", source=where)
    return found


class Directory:
    """The file's vehicles, and the VINs that asked and are not among them. For one thread."""

    def __init__(self, file: Path) -> None:
        """Raises ConfigurationError when the file cannot be used."""
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._vehicles: Mapping[bytes, str] = {}
        self._unknown: Counter[bytes] = Counter()
        self.reload()

    def __len__(self) -> int:
        return len(self._vehicles)

    def find(self, vin: bytes) -> str | None:
        """The device's id; a VIN that is not listed is noted."""
        device = self._vehicles.get(vin)
        if device is None:
            known = vin in self._unknown or len(self._unknown) < MOST_UNKNOWN
            self._unknown[vin if known else b"(others)"] += 1
        return device

    def unknown(self) -> dict[str, int]:
        """VINs that asked most often and are not listed."""
        return {vin.decode("ascii", "backslashreplace"): number for vin, number in self._unknown.most_common(MOST_LISTED)}

    def reload(self) -> bool:
        """Read the file if it has changed; true when it has. Raises ConfigurationError, and then keeps what it had."""
        try:
            state = self._file.stat()
            stamp = state.st_mtime_ns, state.st_ino
            if stamp == self._stamp:
                return False
            text = self._file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("vehicles", str(self._file), f"it cannot be read ({error})") from None
        self._stamp = stamp
        self._vehicles = read_vehicles(text, source=str(self._file))
        for vin in [vin for vin in self._unknown if vin in self._vehicles]:
            del self._unknown[vin]
        return True

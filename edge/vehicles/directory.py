"""Which device a vehicle is: VIN or phone number → device, from a file that may be replaced while the gateway runs."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError

ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST_LISTED = 100
MOST_UNKNOWN = 10_000  # names that are told apart; whoever invents more of them is counted as one
PHONE_DIGITS = 20
SILENT = frozenset({"planned", "retired"})  # states of the register in which a device does not speak
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A vehicle of the list; vin and plate may be empty."""

    device: str
    vin: str = ""
    plate: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """By which column a protocol knows its vehicles: its name, its pattern, and the same as a sentence says it."""

    column: str
    pattern: re.Pattern[str]
    allowed: str

    def name_of(self, row: Row, where: str) -> str:
        """The row's cell: a column, a label as a column, or one of the labels that the register writes as JSON."""
        found = row.get(self.column) or row.get(f"label.{self.column}")
        if found or not row.get("labels"):
            return (found or "").strip()
        with contextlib.suppress(ValueError, RecursionError):
            labels = json.loads(row["labels"])
            if isinstance(labels, dict):
                return str(labels.get(self.column, "")).strip()
        raise ConfigurationError("labels", row["labels"], "a JSON object", source=where)


VIN = Naming("vin", re.compile(r"[ -~]{17}"), "17 characters")
PHONE = Naming("phone", re.compile(rf"[0-9]{{1,{PHONE_DIGITS}}}"), f"1 to {PHONE_DIGITS} digits")


def key_of(naming: Naming, name: str) -> bytes:
    """As `Directory.find` takes it: phone numbers have leading zeros, as many as the newer edition's have."""
    return name.zfill(PHONE_DIGITS).encode("ascii") if naming is PHONE else name.encode("ascii")


def read_vehicles(text: str, *, source: str, naming: Naming = VIN, gateway: str | None = None) -> dict[bytes, Listed]:
    """CSV with columns ``device_id`` and the naming's (what `chelu device export` writes); rows without a name are passed over.

    Where there are columns ``parent`` and ``lifecycle``, rows that are not below `gateway`, or that are planned or retired, are
    passed over, too: the broker would not let us speak for them. Raises ConfigurationError for the first line that is wrong.
    """
    found: dict[bytes, Listed] = {}
    parents: dict[str, str] = {}
    for where, row in _rows(text, source, naming):
        device = (row["device_id"] or "").strip()
        if "parent" in row:
            parents[device] = (row["parent"] or "").strip()
        if (name := naming.name_of(row, where)) and row.get("lifecycle") not in SILENT:
            _add(found, key_of(naming, _checked(name, naming, where)), _listed(row, device, where), where, naming)
    if gateway is None or not parents:
        return found
    return {name: listed for name, listed in found.items() if _is_below(listed.device, gateway, parents)}


def _text(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.start + 4]
        raise ConfigurationError("row", found, "text in UTF-8", source=f"{source}, line {line}") from None


def _rows(text: str, source: str, naming: Naming) -> Iterator[tuple[str, Row]]:
    """Where each row is, and its cells by column."""
    reader, done = csv.DictReader(io.StringIO(text, newline=None), strict=True), 0
    try:
        columns = set(reader.fieldnames or ())
        if "device_id" not in columns or not columns & {naming.column, f"label.{naming.column}", "labels"}:
            raise ConfigurationError("vehicles", sorted(columns), f"columns {naming.column} and device_id", source=source)
        done = reader.line_num
        for row in reader:
            done = reader.line_num
            yield f"{source}, line {done}", row
    except csv.Error as error:
        allowed = f"CSV with commas and double quotes, cells of up to {csv.field_size_limit()} characters"
        raise ConfigurationError("row", str(error), allowed, source=f"{source}, line {done + 1}") from None


def _checked(name: str, naming: Naming, where: str) -> str:
    if not naming.pattern.fullmatch(name):
        raise ConfigurationError(naming.column, name, naming.allowed, source=where)
    return name


def _listed(row: Row, device: str, where: str) -> Listed:
    if not ID.fullmatch(device):
        raise ConfigurationError("device_id", device, "1 to 64 letters, digits, dots, underscores or hyphens", source=where)
    return Listed(device, (row.get("vin") or "").strip(), (row.get("plate") or "").strip())


def _add(found: dict[bytes, Listed], name: bytes, listed: Listed, where: str, naming: Naming) -> None:
    if found.setdefault(name, listed).device != listed.device:
        raise ConfigurationError(naming.column, name.decode(), "given once", source=where)


def _is_below(device: str, gateway: str, parents: Mapping[str, str]) -> bool:
    seen: set[str] = set()
    while device and device not in seen:
        seen.add(device)
        device = parents.get(device, "")
        if device == gateway:
            return True
    return False


class Directory:
    """The file's vehicles, and the names that asked and are not among them. For one thread."""

    def __init__(self, file: Path, *, naming: Naming = VIN, gateway: str | None = None) -> None:
        """Raises ConfigurationError when the file cannot be used."""
        self._file, self._naming, self._gateway = file, naming, gateway
        self._stamp: tuple[int, int] | None = None
        self._vehicles: Mapping[bytes, Listed] = {}
        self._unknown: Counter[bytes] = Counter()
        self.reload()

    def __len__(self) -> int:
        return len(self._vehicles)

    def listed(self, name: bytes) -> Listed | None:
        """The vehicle of that name; one that is not listed is noted."""
        listed = self._vehicles.get(name)
        if listed is None:
            known = name in self._unknown or len(self._unknown) < MOST_UNKNOWN
            self._unknown[name if known else b"(others)"] += 1
        return listed

    def find(self, name: bytes) -> str | None:
        """Its device's id, as `listed`."""
        listed = self.listed(name)
        return listed.device if listed else None

    def holds(self, name: bytes, device: str) -> bool:
        """Whether the vehicle is listed, and as this device."""
        listed = self._vehicles.get(name)
        return listed is not None and listed.device == device

    def unknown(self) -> dict[str, int]:
        """Names that asked most often and are not listed."""
        return {name.decode("ascii", "backslashreplace"): number for name, number in self._unknown.most_common(MOST_LISTED)}

    def reload(self) -> bool:
        """Read the file if it has changed; true when it has. Raises ConfigurationError, and then keeps what it had."""
        try:
            state = self._file.stat()
            stamp = state.st_mtime_ns, state.st_ino
            if stamp == self._stamp:
                return False
            content = self._file.read_bytes()
        except OSError as error:
            raise ConfigurationError("vehicles", str(self._file), f"it cannot be read ({error})") from None
        self._stamp = stamp
        text = _text(content, str(self._file))
        self._vehicles = read_vehicles(text, source=str(self._file), naming=self._naming, gateway=self._gateway)
        for name in [name for name in self._unknown if name in self._vehicles]:
            del self._unknown[name]
        return True

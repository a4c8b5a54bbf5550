"""Vehicle identification numbers: ISO 3779's form, and the check digit of those countries that require one. Pure."""

from __future__ import annotations

import re

FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")  # ISO 3779: no I, O, Q
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)  # 49 CFR 565.15, GB 16735
VALUES = {
    character: value
    for value, characters in enumerate(("", "AJ", "BKS", "CLT", "DMU", "ENV", "FW", "GPX", "HY", "RZ"))
    for character in characters
}
CHECKED_REGIONS = frozenset("12345L")  # North America (49 CFR 565.15) and China (GB 16735); elsewhere place 9 is the maker's


def check_digit(vin: str) -> str:
    """What the ninth character must be where a check digit is required."""
    total = sum(weight * _value(character) for weight, character in zip(WEIGHTS, vin, strict=True))
    return "0123456789X"[total % 11]


def valid(vin: str) -> str:
    """The VIN in capitals; ValueError saying what is allowed."""
    vin = vin.upper()
    if FORM.fullmatch(vin) is None:
        raise ValueError("17 letters and digits without I, O and Q (ISO 3779)")
    if vin[0] in CHECKED_REGIONS and vin[8] != check_digit(vin):
        raise ValueError(f"a VIN whose check digit, the 9th character, is {check_digit(vin)} (GB 16735, 49 CFR 565)")
    return vin


def _value(character: str) -> int:
    return int(character) if character.isdigit() else VALUES[character]

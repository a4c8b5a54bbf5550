"""What simulated vehicles are called: device ids, VINs with right check digits, phone numbers of their terminals."""

from __future__ import annotations

WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)  # ISO 3779, annex: the ninth character checks the others
LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
PHONE_DIGITS = {2013: 12, 2019: 20}


def vin_of(number: int) -> str:
    """A VIN for a simulated vehicle, its check digit right."""
    text = f"LSM{number:05d}0XC{number:06d}"
    total = sum(weight * (LETTERS.get(letter) or int(letter)) for weight, letter in zip(WEIGHTS, text, strict=True))
    return text[:8] + "0123456789X"[total % 11] + text[9:]


def phone_of(number: int, edition: int = 2013) -> str:
    """The phone number of its terminal, in the digits of an edition."""
    return f"10{number:09d}".zfill(PHONE_DIGITS[edition])


def device_of(number: int) -> str:
    """The device id that goes with it."""
    return f"sim-vehicle-{number}"


def device_list(count: int, *, site: str, gateway: str) -> str:
    """The vehicles as CSV: what `chelu device import` reads, and the gateway."""
    lines = (f"{device_of(number)},vehicle,{site},{gateway},{vin_of(number)},{phone_of(number)}" for number in range(count))
    return "\n".join(["device_id,kind,site_id,parent,vin,label.phone", *lines, ""])

"""Services on the site: a place to park, and tolls."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chelu.coop.parts import Answer, Message, Motion, Name, Number, Part, Path, Place, Seconds, Size

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
Amount = Annotated[int, Field(ge=0, le=10**9, description="in the currency's smallest unit")]
Transaction = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class ParkingRequest(Message):
    """I want in, a place, or out."""

    type: Literal["parking.request"]
    area: Annotated[Name, Field(description="the car park")]
    want: Literal["entrance", "slot", "exit"]
    motion: Motion
    size: Size
    needs: Annotated[
        list[Literal["charging", "disabled", "family", "bus", "truck", "valet", "automated"]], Field(max_length=7)
    ] = Field(default_factory=list)
    duration_s: Seconds | None = None


class ParkingSlot(Part):
    """A place to stand."""

    id: Name
    place: Place
    floor: Annotated[int, Field(ge=-20, le=100)] = 0
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None


class ParkingGuidance(Answer):
    """The slot and the way."""

    type: Literal["parking.guidance"]
    slot: ParkingSlot | None = None
    gate: Name | None = None
    path: Path | None = None
    reserved_s: Annotated[Seconds, Field(description="how long the slot is kept")] | None = None


class ParkingState(Message):
    """Where the vehicle has come to."""

    type: Literal["parking.state"]
    answers: Annotated[Number, Field(description="seqNum of the request")]
    state: Literal["entered", "parked", "leaving", "left", "cancelled"]
    slot: Name | None = None


class TollAnnouncement(Message):
    """Here tolls are taken."""

    type: Literal["tolling.announcement"]
    station: Name
    place: Place
    kind: Literal["entry", "exit", "open"]
    lanes: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=1, max_length=32)]


class TollRequest(Message):
    """I pass; this is what I am."""

    type: Literal["tolling.request"]
    station: Name
    transaction: Transaction
    vehicle_class: Annotated[int, Field(ge=1, le=20, description="JT/T 489: 1..4 cars and buses, 11..16 lorries")]
    axles: Annotated[int, Field(ge=2, le=12)] = 2
    entry_station: Name | None = None
    entered_us: Annotated[int, Field(ge=0, le=4_102_444_800_000_000)] | None = None


class TollCharge(Answer):
    """What it costs."""

    type: Literal["tolling.charge"]
    transaction: Transaction
    amount: Amount
    currency: Currency = "CNY"


class TollReceipt(Message):
    """Paid or not, as the vehicle's unit says."""

    type: Literal["tolling.receipt"]
    transaction: Transaction
    amount: Amount
    currency: Currency = "CNY"
    state: Literal["paid", "failed", "disputed"]


class PaymentRequest(Message):
    """I want to pay for this, here."""

    type: Literal["payment.request"]
    merchant: Name
    transaction: Transaction
    service: Literal["parking", "charging", "fuel", "car_wash", "goods", "other"]


class PaymentCharge(Answer):
    """What it costs."""

    type: Literal["payment.charge"]
    transaction: Transaction
    amount: Amount
    currency: Currency = "CNY"


class PaymentReceipt(Message):
    """Paid or not, as the vehicle's unit says."""

    type: Literal["payment.receipt"]
    transaction: Transaction
    amount: Amount
    currency: Currency = "CNY"
    state: Literal["paid", "failed", "disputed"]

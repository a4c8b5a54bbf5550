"""Exchanges whose meaning lies outside the picture: corrections, lane plans, probe data, parking, platoons, tolls, payment.

The platform keeps their order: who may say what when, to whom it is passed on, when it is over, why something is refused. What a
car park, a toll station or a merchant is, an operator writes on a roadside unit as labels. docs/applications/coop-exchanges.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop import driving, road, service
from chelu.coop.parts import Message
from chelu.topics import Kind
from services.inference.coop.application import Application, own_session
from services.inference.coop.session import Session, State
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.parameters import parameter
from services.inference.register import Device


@dataclass(frozen=True, slots=True)
class ExchangeParameters(Switch):
    """docs/applications/coop-exchanges.md carries this as a table."""

    lasting_s: float = parameter(600.0, "s", "of an exchange in which nothing more is said", low=5, high=3600)
    receipt_s: float = parameter(30.0, "s", "how long a receipt is waited for after a charge", low=1, high=600)
    reserved_s: float = parameter(600.0, "s", "how long a place to park is kept", low=30, high=3600)
    most_members: float = parameter(16, "1", "of a platoon at this site", low=2, high=64)


class Exchange(Application):
    """Base: lasts as long as the parameters say."""

    parameters: ClassVar[type[Any]] = ExchangeParameters

    def lasting_s(self, request: Message) -> float:
        """As asked for, within what the site allows."""
        return (
            min(super().lasting_s(request), float(self.p.lasting_s))
            if hasattr(request, "duration_s")
            else float(self.p.lasting_s)
        )


class Correction(Exchange):
    """Whoever asks gets every correction that the site's stations say, until its time is over."""

    name: ClassVar[str] = "correction"
    answer: ClassVar[str] = ""
    opens: ClassVar[frozenset[str]] = frozenset({"correction.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"correction.data"})

    def opened(self, session: Session, turn: Turn) -> None:
        """Granted to vehicles that the picture knows; the data itself is the answer."""
        request = session.request
        assert isinstance(request, road.CorrectionRequest)  # noqa: S101 - the desk sends what `opens` names
        turn.moving(session.device, request.motion)
        turn.move(session, State.GRANTED, "")

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """A station's data, passed on."""
        assert isinstance(message, road.Correction)  # noqa: S101
        if sender.kind is not Kind.RSU:
            raise DeclinedError(f"{sender.device_id} is no roadside unit: corrections come from stations")
        turn.heard(None, sender, message)
        body = message.model_dump(mode="json", exclude={"seqNum", "time_us"}, exclude_none=True)
        for session in turn.table.open_of(self.name):
            turn.tell(session.device, body, session, is_noted=False)


class LaneManagement(Exchange):
    """What vehicles and roadside say of lanes: it holds until they say it anew, cancel it, or its time is over.

    An answer must be to a plan that this site has told.
    """

    name: ClassVar[str] = "lane_management"
    answer: ClassVar[str] = ""
    opens: ClassVar[frozenset[str]] = frozenset({"lane_management.state"})
    is_single: ClassVar[bool] = False

    def opened(self, session: Session, turn: Turn) -> None:
        """Lanes that the network has, of nobody's plan or of ours."""
        message = session.request
        assert isinstance(message, road.LaneState)  # noqa: S101
        if message.answers is not None:
            raise DeclinedError(f"answers = {message.answers} is no plan that {session.device.device_id} was told")
        for use in message.lanes:
            turn.streets.lane(use.lane)
        for earlier in turn.table.open_of(self.name):
            if earlier is not session and earlier.device.key == session.device.key:
                turn.end(earlier, State.DONE, "it has said so anew")
        turn.move(session, State.GRANTED, "")


class Probe(Exchange):
    """Probe data that is offered: stored, and so done; an answer must be to an order that was given."""

    name: ClassVar[str] = "probe"
    answer: ClassVar[str] = ""
    opens: ClassVar[frozenset[str]] = frozenset({"probe.data"})
    is_single: ClassVar[bool] = False

    def opened(self, session: Session, turn: Turn) -> None:
        """Samples in their order, none of later than now."""
        message = session.request
        assert isinstance(message, road.ProbeData)  # noqa: S101
        if message.answers is not None:
            raise DeclinedError(f"answers = {message.answers} is no order that {session.device.device_id} was given")
        times = [sample.time_us for sample in message.samples]
        if times != sorted(times) or times[-1] > turn.after(5.0):
            raise DeclinedError("samples are not in the order of their times, or of a time to come")
        turn.move(session, State.GRANTED, "")
        turn.end(session, State.DONE, "stored")


@dataclass(slots=True)
class Parked:
    """A place that is kept. stage: guided, entered, parked, leaving."""

    area: str
    slot: str
    stage: str = "guided"


class Parking(Exchange):
    """Places of a car park: a roadside unit with the labels ``car_park`` and ``slots`` says how many there are."""

    name: ClassVar[str] = "parking"
    answer: ClassVar[str] = "parking.guidance"
    opens: ClassVar[frozenset[str]] = frozenset({"parking.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"parking.state"})
    stages: ClassVar[Mapping[str, frozenset[str]]] = {
        "guided": frozenset({"entered", "cancelled"}),
        "entered": frozenset({"parked", "leaving", "cancelled"}),
        "parked": frozenset({"leaving"}),
        "leaving": frozenset({"left"}),
    }

    def opened(self, session: Session, turn: Turn) -> None:
        """A place that is free, or wait."""
        request = session.request
        assert isinstance(request, service.ParkingRequest)  # noqa: S101
        turn.motor(session.device, request.motion)
        gate = _labelled(turn, "car_park", request.area)
        if gate is None:
            raise DeclinedError(f"area = {request.area!r} is no car park of this site")
        place = None if gate.place is None else turn.place(*turn.frame.to_local(*gate.place)[0].tolist())
        if request.want != "slot" or place is None:
            session.memo = Parked(request.area, "")
            turn.answer(session, State.GRANTED, self.answer, gate=gate.device_id)
            return
        taken = {one.memo.slot for one in turn.table.open_of(self.name) if one.memo and one.memo.area == request.area}
        count = _whole(gate.labels.get("slots", "0"))
        free = next((name for number in range(1, count + 1) if (name := f"{request.area}-{number}"[-64:]) not in taken), None)
        if free is None:
            raise DeclinedError(f"all {count} places of {request.area} are taken")
        session.memo = Parked(request.area, free)
        slot = {"id": free, "place": place}
        turn.answer(session, State.GRANTED, self.answer, slot=slot, gate=gate.device_id, reserved_s=float(self.p.reserved_s))

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """Where it has come to; each stage only after the one before."""
        assert isinstance(message, service.ParkingState)  # noqa: S101
        session = own_session(self.name, sender, message.answers, turn)
        memo: Parked = session.memo
        allowed = self.stages[memo.stage]
        if message.state not in allowed:
            raise DeclinedError(f"state = {message.state!r} does not follow {memo.stage}: {', '.join(sorted(allowed))}")
        turn.heard(session, sender, message)
        if message.state in {"left", "cancelled"}:
            turn.end(session, State.DONE if message.state == "left" else State.CANCELLED, "it says so")
            return
        memo.stage = message.state
        session.until_us = turn.after(float(self.p.lasting_s) if message.state == "entered" else 86_400.0)


class _Paying(Exchange):
    """A request, a charge, a receipt. label: of the roadside unit that takes the money; ``price`` on it, in the smallest unit."""

    label: ClassVar[str]
    what: ClassVar[str]

    def place_of(self, request: Any) -> str:
        """The name of station or merchant."""
        raise NotImplementedError

    def told_with(self, session: Session) -> Mapping[str, Any]:
        """A charge always names transaction and amount."""
        return {"transaction": session.request.transaction, "amount": 0}  # type: ignore[attr-defined]

    def opened(self, session: Session, turn: Turn) -> None:
        """What it costs."""
        turn.own(session.device)
        name = self.place_of(session.request)
        unit = _labelled(turn, self.label, name)
        if unit is None:
            raise DeclinedError(f"{name!r} is no {self.what} of this site")
        same = [one for one in turn.table.open_of(self.name) if one is not session and _transaction(one) == _transaction(session)]
        if same:
            raise DeclinedError(f"transaction = {_transaction(session)!r} is open already")
        session.memo = amount = _whole(unit.labels.get("price", "0"))
        session.until_us = turn.after(float(self.p.receipt_s))
        turn.answer(session, State.GRANTED, self.answer, transaction=_transaction(session), amount=amount)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """Paid, or not: of this sender's open transaction, and of what was charged."""
        transaction = message.transaction  # type: ignore[attr-defined]
        mine = [one for one in turn.table.open_of(self.name) if one.device.key == sender.key and _transaction(one) == transaction]
        if not mine:
            raise DeclinedError(f"transaction = {transaction!r} is none of {sender.device_id}'s that is open")
        session = mine[0]
        amount, state = message.amount, message.state  # type: ignore[attr-defined]
        if state == "paid" and amount != session.memo:
            raise DeclinedError(f"amount = {amount} was not charged: {session.memo} was")
        turn.heard(session, sender, message)
        turn.end(session, State.DONE if state == "paid" else State.REVOKED, state)


class Tolling(_Paying):
    """Road tolls."""

    name: ClassVar[str] = "tolling"
    answer: ClassVar[str] = "tolling.charge"
    opens: ClassVar[frozenset[str]] = frozenset({"tolling.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"tolling.receipt"})
    label: ClassVar[str] = "toll_station"
    what: ClassVar[str] = "toll station"

    def place_of(self, request: service.TollRequest) -> str:
        """The station."""
        return request.station


class Payment(_Paying):
    """Near-field payment of phase I."""

    name: ClassVar[str] = "payment"
    answer: ClassVar[str] = "payment.charge"
    opens: ClassVar[frozenset[str]] = frozenset({"payment.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"payment.receipt"})
    label: ClassVar[str] = "merchant"
    what: ClassVar[str] = "merchant"

    def place_of(self, request: service.PaymentRequest) -> str:
        """The merchant."""
        return request.merchant


@dataclass(slots=True)
class Members:
    """A platoon, led by the session's device. keys: of its members' devices, the leader first."""

    name: str
    most: int
    keys: list[int] = field(default_factory=list)


class Platoon(Exchange):
    """Platoons: created by who leads, joined and left by others, dissolved by the leader or when it says nothing any more."""

    name: ClassVar[str] = "platoon"
    answer: ClassVar[str] = "platoon.answer"
    opens: ClassVar[frozenset[str]] = frozenset({"platoon.create"})
    hears: ClassVar[frozenset[str]] = frozenset(
        {"platoon.join", "platoon.leave", "platoon.dissolve", "platoon.status", "platoon.answer"}
    )

    def told_with(self, session: Session) -> Mapping[str, Any]:
        """An answer always names the platoon."""
        return {"platoon": session.request.platoon}  # type: ignore[attr-defined]

    def opened(self, session: Session, turn: Turn) -> None:
        """A platoon of a name that is not used."""
        request = session.request
        assert isinstance(request, driving.PlatoonCreate)  # noqa: S101
        turn.motor(session.device, request.motion)
        if self._of_member(session.device, turn) is not None:
            raise DeclinedError(f"{session.device.device_id} is in a platoon already")
        if any(one is not session and one.memo and one.memo.name == request.platoon for one in turn.table.open_of(self.name)):
            raise DeclinedError(f"platoon = {request.platoon!r} is there already")
        most = min(request.most_members, int(self.p.most_members))
        session.memo = Members(request.platoon, most, [session.device.key])
        turn.answer(session, State.GRANTED, self.answer, platoon=request.platoon, position=1)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """Join, leave, dissolve, status."""
        platoon = message.platoon  # type: ignore[attr-defined]
        session = next((one for one in turn.table.open_of(self.name) if one.memo and one.memo.name == platoon), None)
        if session is None:
            raise DeclinedError(f"platoon = {platoon!r} is not there")
        turn.heard(session, sender, message)
        if isinstance(message, driving.PlatoonJoin):
            self._join(session, sender, message, turn)
            return
        memo: Members = session.memo
        if sender.key not in memo.keys:
            raise DeclinedError(f"{sender.device_id} is not in {platoon}")
        if isinstance(message, driving.PlatoonLeave) and sender.key != session.device.key:
            memo.keys.remove(sender.key)
            return
        if sender.key != session.device.key:
            raise DeclinedError(f"{sender.device_id} does not lead {platoon}")
        if isinstance(message, driving.PlatoonStatus):
            session.until_us = turn.after(float(self.p.lasting_s))
        else:
            turn.end(session, State.DONE, "its leader has dissolved it")

    def ended(self, session: Session, turn: Turn) -> None:
        """Its members are told."""
        memo: Members | None = session.memo
        for key in memo.keys[1:] if memo else ():
            device = turn.register.by_key.get(key)
            if device is not None and memo is not None:
                turn.tell(device, {"type": "platoon.dissolve", "platoon": memo.name, "why": "other"}, session)

    def _join(self, session: Session, sender: Device, message: driving.PlatoonJoin, turn: Turn) -> None:
        memo: Members = session.memo
        turn.motor(sender, message.motion)
        if sender.key not in memo.keys:
            if self._of_member(sender, turn) is not None:
                raise DeclinedError(f"{sender.device_id} is in a platoon already")
            if len(memo.keys) >= memo.most:
                raise DeclinedError(f"{memo.name} has {memo.most} members, which is the most")
            memo.keys.append(sender.key)
        body = {"type": "platoon.answer", "answers": message.seqNum, "decision": "granted", "platoon": memo.name}
        turn.tell(sender, {**body, "position": memo.keys.index(sender.key) + 1}, session)

    def _of_member(self, device: Device, turn: Turn) -> Session | None:
        return next((one for one in turn.table.open_of(self.name) if one.memo and device.key in one.memo.keys), None)


def _transaction(session: Session) -> str:
    return str(session.request.transaction)  # type: ignore[attr-defined]


def _labelled(turn: Turn, label: str, name: str) -> Device | None:
    """The roadside unit that an operator has labelled so."""
    units = (one for one in turn.register.devices.values() if one.kind is Kind.RSU)
    return next((one for one in units if one.labels.get(label) == name), None)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


EXCHANGES: tuple[type[Application], ...] = (Correction, LaneManagement, Probe, Parking, Tolling, Payment, Platoon)

"""THE topic table: who says what on which MQTT topic, how often, how surely, in which form, and where it is stored.

Subscriptions, access-control lists, documents and tests are derived from `TOPICS`; no other module spells a topic.
Rows marked ``T/ITS 0180.1`` follow T/ITS 0180.1-2021; ``Chelu`` ones are ours; ``OpenV2X`` ones are read only.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


class Kind(enum.StrEnum):
    """Device kinds: the one enum of the register, the topics and the rights."""

    RSU = "rsu"
    OBU = "obu"
    RSCU = "rscu"
    SENSOR = "sensor"
    SIGNAL = "signal"
    GATEWAY = "gateway"
    VEHICLE = "vehicle"


class Payload(enum.StrEnum):
    """How a payload is written."""

    FRAMES = "frames"  # UPER MessageFrames, in the device's envelope or bare
    JSON = "json"
    GB32960 = "gb32960"
    COLUMNS = "columns"  # chelu.codec.columns
    ANY = "any"  # quarantined as it is


class Standard(enum.StrEnum):
    """Who says that this topic exists."""

    TITS_0180 = "T/ITS 0180.1"
    CHELU = "Chelu"
    OPENV2X = "OpenV2X"


OPENV2X_PROFILE = "openv2x"  # of the RSUs in the register that OpenV2X's rows are for
_OPENV2X_STREAMS = {"RSM/UP": "rsm", "RSI/UP": "rsi", "HB/UP": "heartbeat", "INFO/UP": "info"}


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table.

    pattern: with ``{kind}`` where several kinds share the row, ``{id}`` for the device and ``{place}`` for where a stranger waits
    (`chelu.provisioning`); rate_hz: the expected rate, None for
    events; from_device: true when the device publishes it; table: the table in schema ``stream`` that keeps its rows, None when
    nothing is stored.
    """

    pattern: str
    kinds: tuple[Kind, ...]
    payload: Payload
    rate_hz: float | None
    qos: int
    standard: Standard
    about: str
    from_device: bool
    table: str | None = None
    retained: bool = False

    @property
    def stream(self) -> str:
        """The part behind the device's id, without the direction: ``bsm``, ``config``, ``config/ack``; in our words."""
        tail = self.pattern.split("{id}/", 1)[-1]
        return _OPENV2X_STREAMS.get(tail) or re.sub(r"/(up|down)(?=/|$)", "", tail)

    @property
    def is_by_serial(self) -> bool:
        """Whether ``{id}`` is the device's serial number (an RSU's ESN), not its id in the register."""
        return self.standard is Standard.OPENV2X

    def topic(self, kind: Kind, device: str) -> str:
        """The concrete topic of one device."""
        return self.pattern.format(kind=kind.value, id=device)

    def subscriptions(self) -> tuple[str, ...]:
        """MQTT filters that match this row for every device."""
        return tuple(dict.fromkeys(self.pattern.format(kind=kind.value, id="+") for kind in self.kinds))

    def joining(self, serial: str, place: str) -> str:
        """The concrete topic, or filter, of a stranger's row."""
        return self.pattern.format(id=serial, place=place)


@dataclass(frozen=True, slots=True)
class Match:
    """A concrete topic found in the table; device: what stands at ``{id}``, see `Topic.is_by_serial`."""

    topic: Topic
    kind: Kind
    device: str
    place: str = ""


_R, _O, _C, _S, _V, _G = Kind.RSU, Kind.OBU, Kind.RSCU, Kind.SENSOR, Kind.VEHICLE, Kind.SIGNAL
EVERY = tuple(Kind)
_ITS, _OURS, _OPEN = Standard.TITS_0180, Standard.CHELU, Standard.OPENV2X
_UPER, _JSON = Payload.FRAMES, Payload.JSON


def _up(
    pattern: str,
    kinds: tuple[Kind, ...],
    payload: Payload,
    rate: float | None,
    qos: int,
    standard: Standard,
    about: str,
    table: str | None = "report",
    *,
    retained: bool = False,
) -> Topic:
    return Topic(pattern, kinds, payload, rate, qos, standard, about, from_device=True, table=table, retained=retained)


def _down(
    pattern: str, kinds: tuple[Kind, ...], payload: Payload, rate: float | None, qos: int, standard: Standard, about: str
) -> Topic:
    return Topic(pattern, kinds, payload, rate, qos, standard, about, from_device=False)


TOPICS: tuple[Topic, ...] = (
    # Messages of the air interface.
    _up("rsu/{id}/bsm/up", (_R,), _UPER, 10, 0, _ITS, "BSMs heard: an envelope with 1..255 frames", "bsm"),
    _up("obu/{id}/bsm/up", (_O,), _UPER, 10, 0, _OURS, "own BSM: one bare frame live, or an envelope", "bsm"),
    _up("rsu/{id}/rsm/up", (_R,), _UPER, 10, 0, _ITS, "RSM sent: 1..16 participants a frame", "participant"),
    _up("rsu/{id}/spat/up", (_R,), _UPER, 10, 0, _ITS, "SPAT sent", "spat"),
    _up("rsu/{id}/map/up", (_R,), _UPER, None, 1, _ITS, "MAP sent", "message"),
    _up("rsu/{id}/rsi/up", (_R,), _UPER, None, 1, _ITS, "RSI sent", "message"),
    _down("rsu/{id}/rsm/down", (_R,), _UPER, 10, 0, _ITS, "RSM to send"),
    _down("rsu/{id}/spat/down", (_R,), _UPER, 10, 0, _ITS, "SPAT to send"),
    _down("rsu/{id}/map/down", (_R,), _UPER, None, 1, _ITS, "MAP to send"),
    _down("rsu/{id}/rsi/down", (_R,), _UPER, None, 1, _ITS, "RSI to send"),
    _down("rsu/{id}/map/up/ack", (_R,), _JSON, None, 1, _ITS, "MAP received"),
    _down("rsu/{id}/rsi/up/ack", (_R,), _JSON, None, 1, _ITS, "RSI received"),
    _up("rsu/{id}/map/down/ack", (_R,), _JSON, None, 1, _ITS, "MAP taken over or refused"),
    _up("rsu/{id}/rsi/down/ack", (_R,), _JSON, None, 1, _ITS, "RSI taken over or refused"),
    # The roadside computer.
    _up("rscu/{id}/participant/up", (_C,), _JSON, 10, 0, _ITS, "participants perceived", "participant"),
    _up("rscu/{id}/event/up", (_C,), _JSON, 10, 0, _ITS, "events perceived", "event"),
    _up("rscu/{id}/traffic/up", (_C,), _JSON, None, 0, _ITS, "traffic counted per cycle or period", "traffic"),
    _up("rscu/{id}/lamp/up", (_C,), _JSON, 10, 0, _ITS, "signal lamps", "spat"),
    _up("rscu/{id}/v2x/up", (_C,), _JSON, None, 0, _ITS, "V2X messages passed on"),
    _down("rscu/{id}/event/down", (_C,), _JSON, None, 1, _ITS, "events to publish"),
    _down("rscu/{id}/traffic/down", (_C,), _JSON, None, 1, _ITS, "traffic state to publish"),
    _down("rscu/{id}/v2x/down", (_C,), _JSON, None, 0, _ITS, "V2X messages to send"),
    _down("rscu/{id}/participant/up/ack", (_C,), _JSON, None, 0, _ITS, "participants received"),
    _down("rscu/{id}/event/up/ack", (_C,), _JSON, None, 0, _ITS, "events received"),
    _down("rscu/{id}/traffic/up/ack", (_C,), _JSON, None, 0, _ITS, "traffic received"),
    _down("rscu/{id}/lamp/up/ack", (_C,), _JSON, None, 0, _ITS, "signal lamps received"),
    _down("rscu/{id}/v2x/up/ack", (_C,), _JSON, None, 0, _ITS, "V2X messages received"),
    _up("rscu/{id}/event/down/ack", (_C,), _JSON, None, 1, _ITS, "events taken over or refused"),
    _up("rscu/{id}/traffic/down/ack", (_C,), _JSON, None, 1, _ITS, "traffic state taken over or refused"),
    _up("rscu/{id}/v2x/down/ack", (_C,), _JSON, None, 1, _ITS, "V2X messages taken over or refused"),
    # Life of a device.
    _up("{kind}/{id}/info/up", EVERY, _JSON, None, 1, _ITS, "who I am: at start and on change"),
    _up("{kind}/{id}/basic-status/up", (_C, _R), _JSON, None, 1, _ITS, "state of the unit and of what hangs on it"),
    _up("{kind}/{id}/run-status/up", EVERY, _JSON, 1 / 60, 1, _ITS, "processor, memory, disk, network"),
    _up("{kind}/{id}/heartbeat/up", EVERY, _JSON, 1 / 10, 1, _OURS, "alive, with frames `sent` per stream"),
    _up("{kind}/{id}/state", EVERY, _JSON, None, 1, _OURS, "online or offline; last will", retained=True),
    _up("{kind}/{id}/versions/up", (_R,), _JSON, None, 1, _ITS, "versions installed"),
    _down("{kind}/{id}/versions/query", (_R,), _JSON, None, 1, _ITS, "asks for versions"),
    _down("{kind}/{id}/query/down", (_C,), _JSON, None, 1, _ITS, "asks for a status"),
    _up("{kind}/{id}/query/down/ack", (_C,), _JSON, None, 1, _ITS, "the status asked for"),
    _down("{kind}/{id}/om-config/down", (_C, _R), _JSON, None, 1, _ITS, "operation and maintenance settings"),
    _up("{kind}/{id}/om-config/down/ack", (_C, _R), _JSON, None, 1, _ITS, "settings taken over or refused"),
    _down("{kind}/{id}/config/down", EVERY, _JSON, None, 1, _ITS, "desired configuration, with seqNum"),
    _up("{kind}/{id}/config/down/ack", EVERY, _JSON, None, 1, _ITS, "configuration taken over or refused"),
    _down("{kind}/{id}/command/down", EVERY, _JSON, None, 1, _OURS, "one command, with seqNum"),
    _up("{kind}/{id}/command/down/ack", EVERY, _JSON, None, 1, _OURS, "command done or refused"),
    _down("{kind}/{id}/upgrade/down", EVERY, _JSON, None, 1, _ITS, "firmware or model to install"),
    _up("{kind}/{id}/upgrade/down/ack", EVERY, _JSON, None, 1, _ITS, "upgrade accepted or refused"),
    _up("{kind}/{id}/upgrade-status/up", EVERY, _JSON, None, 1, _ITS, "progress of an upgrade"),
    _down("{kind}/{id}/info/up/ack", EVERY, _JSON, None, 1, _ITS, "info received"),
    _down("{kind}/{id}/receipt/down", EVERY, _JSON, 1, 1, _OURS, "highest sequence number stored, per stream"),
    # Warnings and cooperation.
    _down("{kind}/{id}/warning/down", (_O, _R, _C), _JSON, None, 1, _OURS, "a warning raised, updated or cleared"),
    _up("obu/{id}/warning/up", (_O,), _JSON, None, 1, _OURS, "what a device under test says it warned"),
    _down("{kind}/{id}/air/down", (_O, _R), _UPER, 10, 0, _OURS, "what a device under test would hear on the air: a frame each"),
    _up("{kind}/{id}/coop/up", (_O, _R), _JSON, None, 1, _OURS, "phase-II requests and answers"),
    _down("{kind}/{id}/coop/down", (_O, _R), _JSON, None, 1, _OURS, "phase-II requests and answers"),
    _down("signal/{id}/priority/down", (_G,), _JSON, None, 1, _OURS, "a green wanted for a vehicle, or no longer"),
    _up("signal/{id}/priority/down/ack", (_G,), _JSON, None, 1, _OURS, "the green, from when to when; or why not"),
    # What a signal shows, and what it is to show.
    _up("signal/{id}/spat/up", (_G,), _UPER, 1, 0, _OURS, "SPAT: what its phases show", "spat"),
    _up("signal/{id}/stage/up", (_G,), _JSON, None, 1, _OURS, "its stages, the one at hand, and by whose word", retained=True),
    _down("signal/{id}/stage/down", (_G,), _JSON, None, 1, _OURS, "a stage to show, and until when"),
    _up("signal/{id}/stage/down/ack", (_G,), _JSON, None, 1, _OURS, "the stage, from when and until when; or why not"),
    # Measurements.
    _up("sensor/{id}/observation/up", (_S,), _JSON, 1, 1, _OURS, "quantity, unit, value(s), time(s)", "observation"),
    _up("vehicle/{id}/telemetry/up", (_V,), Payload.GB32960, 1, 1, _OURS, "a frame of GB/T 32960 or JT/T 808", "telemetry"),
    _up("{kind}/{id}/mode/up", (_V, _O), _JSON, 1 / 10, 1, _OURS, "who drives, why that changed, ODD, faults, odometer"),
    # Strangers: quarantined, never stored as data.
    _up("join/{id}/{place}/hello/up", (), _JSON, 1 / 10, 1, _OURS, "who a stranger is, with its secret's verifier", None),
    _down("join/{id}/{place}/registered/down", (), _JSON, None, 1, _OURS, "the id under which it has been registered"),
    _up("join/{id}/{place}/data/#", (), Payload.ANY, None, 1, _OURS, "what a stranger has to say meanwhile", None),
    _up("join/{id}/#", (), Payload.ANY, None, 1, _OURS, "what a device that is not registered may say", None),
    # Read from an OpenV2X roadside.
    _up("V2X/RSU/{id}/RSM/UP", (_R,), _JSON, 10, 0, _OPEN, "RSM in OpenV2X JSON", "participant"),
    _up("V2X/RSU/{id}/RSI/UP", (_R,), _JSON, None, 0, _OPEN, "RSI in OpenV2X JSON", "message"),
    _up("V2X/RSU/{id}/HB/UP", (_R,), _JSON, 1 / 10, 0, _OPEN, "heartbeat in OpenV2X JSON"),
    _up("V2X/RSU/{id}/INFO/UP", (_R,), _JSON, None, 0, _OPEN, "info in OpenV2X JSON"),
)

CONNECTIONS = "$SYS/broker/log/N"  # mosquitto's own: who has connected, and from where
STATE = "city/{site}/state"  # published by inference, too: traffic state, Payload.COLUMNS, every 5 s, QoS 0
FINDINGS = "city/{site}/findings"  # likewise: incidents, sensors that are wrong, jams to come; Payload.JSON, when they change
FORECAST = "city/{site}/forecast"  # likewise: speeds of the next hour, Payload.COLUMNS, every 5 min
PICTURE = "site/{site}/picture"  # published by inference for consoles and teams: Payload.COLUMNS, 10 Hz, QoS 0
SIGNALS = "site/{site}/signals"  # the same for signals, and who decides for them: Payload.JSON, 1 Hz, QoS 0
OF_SITES = (PICTURE, SIGNALS, STATE, FINDINGS, FORECAST)


def find(topic: str) -> Match | None:
    """The table's row for a concrete topic, or None for one outside the table."""
    for pattern, row in _patterns():
        if found := pattern.fullmatch(topic):
            groups = found.groupdict()
            kind = Kind(groups["kind"]) if "kind" in groups else _only_kind(row)
            return Match(row, kind, groups["id"], groups.get("place", ""))
    return None


def row(pattern: str) -> Topic:
    """The row with exactly this pattern; KeyError when the table has none."""
    return _by_pattern()[pattern]


def of_kind(kind: Kind, *, from_device: bool) -> tuple[Topic, ...]:
    """What a device of this kind may publish (`from_device`) or is spoken to with."""
    return tuple(topic for topic in TOPICS if kind in topic.kinds and topic.from_device is from_device)


def uplink_filters(tables: Iterable[str] | None = None) -> tuple[str, ...]:
    """MQTT filters for what devices publish and is stored, optionally only in these tables; in table order."""
    wanted = None if tables is None else set(tables)
    rows = [topic for topic in TOPICS if topic.from_device and topic.table and (wanted is None or topic.table in wanted)]
    return tuple(dict.fromkeys(filter_ for topic in rows for filter_ in topic.subscriptions()))


def _only_kind(topic: Topic) -> Kind:
    return topic.kinds[0] if topic.kinds else Kind.GATEWAY


@cache
def _by_pattern() -> dict[str, Topic]:
    return {topic.pattern: topic for topic in TOPICS}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Topic], ...]:
    return tuple((re.compile(_regex(topic)), topic) for topic in TOPICS)


def _regex(topic: Topic) -> str:
    kinds = "|".join(kind.value for kind in topic.kinds)
    text = re.escape(topic.pattern).replace(r"\{kind\}", f"(?P<kind>{kinds})").replace(r"\{id\}", "(?P<id>[^/+#]+)")
    text = text.replace(r"\{place\}", "(?P<place>[^/+#]+)")
    return text.replace(r"/\#", "(?:/.*)?")

"""What the platform tells a device, done and answered. Belongs to the agent's thread."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from chelu.bus import Received
from chelu.clock import Clock
from chelu.errors import MalformedError
from chelu.spool import SpoolError
from edge import control, radio, told
from edge.commands import Commands
from edge.control import LOCAL_ERROR, Answer
from edge.inforce import InForce
from edge.outgoing import Outgoing
from edge.radio import Radio
from edge.routing import Heard
from edge.settings import SignalSettings
from edge.signal import STREAMS as OF_SIGNALS
from edge.signal import Signal
from edge.sink import WarningSink
from edge.state_file import NotKeptError
from edge.tally import Tally
from edge.upgrade.upgrader import Upgrader
from edge.vehicles.children import Children

log = logging.getLogger(__name__)
ORDERS = frozenset({"config", "command", "upgrade"})  # of every kind of device, and answered
HANDED_ON = frozenset({"warning", "coop"})  # to the device's own software
STREAMS = HANDED_ON | ORDERS | {"receipt"} | OF_SIGNALS | told.STREAMS | radio.STREAMS  # what is subscribed


class Downlink:
    """say(stream, payload) answers through the spool; say_online() tells the state anew, with where our numbers begin.

    tell_stage(bytes) publishes a signal's stage at hand, retained; connection() is the number of the connection, 0 without.
    """

    def __init__(
        self,
        device_id: str,
        clock: Clock,
        *,
        in_force: InForce,
        commands: Commands,
        outgoing: Outgoing,
        children: Children | None,
        sink: WarningSink,
        upgrader: Upgrader | None,
        air: Radio,
        signal: SignalSettings | None,
        tally: Tally,
        say: Callable[[str, bytes], None],
        say_online: Callable[[], None],
        tell_stage: Callable[[bytes], object],
        connection: Callable[[], int],
    ) -> None:
        self._device_id, self._clock, self._tally = device_id, clock, tally
        self._in_force, self._commands, self._outgoing = in_force, commands, outgoing
        self.received: Counter[str] = Counter()  # messages since the start, by stream, those with a fault included
        self._children, self._sink, self._say, self._say_online = children, sink, say, say_online
        self._upgrader, self._radio, self._told = upgrader, air, told.Told(clock, sink.take)
        self._signal = (
            None
            if signal is None
            else Signal(
                signal,
                clock,
                tally,
                show=sink.hand_over,
                answer=say,
                tell=tell_stage,
                connection=connection,
                send=lambda frame, now_us: outgoing.take([Heard(frame, now_us)], clock.monotonic_s()),
                is_stopped=lambda: commands.is_stopped,
            )
        )
        self._by_stream: Mapping[str, Callable[[bytes], None]] = {
            "command": commands.obey,
            "upgrade": self._upgrade,
            **dict.fromkeys(HANDED_ON, sink.take),
        }

    @property
    def due_s(self) -> float | None:
        """When `turn` has something to do."""
        dues = (self._commands.due_s, self._signal.due_s if self._signal else None)
        return min((due for due in dues if due is not None), default=None)

    @property
    def turned_us(self) -> int | None:
        """Up to which instant a signal's stages have gone on; None where there is no signal."""
        return None if self._signal is None else self._signal.turned_us

    def turn(self, now_s: float) -> None:
        """What has its time: captures that end, a signal's stages."""
        self._commands.turn(now_s)
        if self._signal is not None:
            self._signal.turn(now_s)

    def close(self) -> None:
        """Let the sockets go over which things are handed on."""
        self._sink.close()
        self._radio.close()

    def obey(self, message: Received) -> None:
        """One message; what is wrong with it is counted, and answered where an answer is expected."""
        stream = message.topic.rsplit("/", 2)[-2]
        self.received[stream] += 1
        if self._commands.capture is not None:
            self._commands.capture.note("down", message.topic, message.payload)
        try:
            self._obey(stream, message)
        except MalformedError as error:
            self._tally.count(f"{stream}/down", error.reason, detail=error.detail)
        except (SpoolError, NotKeptError) as error:
            self._tally.count("spool", "disk", detail=str(error))
        except Exception as error:  # it would come again after every start: it ends the order and not the agent
            log.exception("%s/down: a fault of the program", stream)
            self._tally.count(f"{stream}/down", "fault")
            if stream in ORDERS:
                why = f"{type(error).__name__}: {error}"
                self._say(f"{stream}/ack", Answer(control.number_of(message.payload), LOCAL_ERROR, why).encode())

    def _obey(self, stream: str, message: Received) -> None:
        if stream == "receipt":
            self._receipt(message)
        elif stream == "config":
            self._say("config/ack", self._configured(message.payload).encode())
        elif stream in self._by_stream:
            self._by_stream[stream](message.payload)
        elif stream in OF_SIGNALS:
            self._signalled(stream, message.payload)
        elif stream in radio.STREAMS:
            self._radio.take(stream, message.payload)
        elif stream in told.STREAMS and (answer := self._told.take(stream, message.payload)) is not None:
            self._say(f"{stream}/ack", answer)

    def _signalled(self, stream: str, payload: bytes) -> None:
        if self._signal is not None:
            self._signal.take(stream, payload)
            return
        number, why = control.number_of(payload), "this signal has no [signal]: it knows no stages"
        self._say(f"{stream}/ack", Answer(number, LOCAL_ERROR, why).encode())

    def _upgrade(self, payload: bytes) -> None:
        if self._upgrader is not None:
            self._upgrader.take(payload)
            return
        number = control.number_of(payload)
        self._say("upgrade/ack", Answer(number, LOCAL_ERROR, "this device takes no packages: it has no [upgrade]").encode())

    def _receipt(self, message: Received) -> None:
        device, receipt = message.topic.split("/")[1], control.read_receipt(message.payload)
        if self._children is not None and device != self._device_id:
            self._children.receipt(device, receipt)
            return
        self._outgoing.receipt(receipt.stored, receipt.again, self._clock.monotonic_s())
        if receipt.again:  # several workers of ingest have to be told where our numbers begin
            self._say_online()

    def _configured(self, payload: bytes) -> Answer:
        desired, answer = control.read_configuration(payload)
        if desired is None:
            return answer
        try:
            self._in_force.take_over(desired, answer.sequence)
        except NotKeptError as error:
            return Answer(answer.sequence, LOCAL_ERROR, str(error))
        extra = {"config": self._in_force.document(), "time_us": self._clock.wall_us()}
        return Answer(answer.sequence, answer.code, extra=extra)

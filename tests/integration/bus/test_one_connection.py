"""Publishing over one connection and no other, so that no number overtakes a pass that begins anew."""

from __future__ import annotations

from chelu.bus import Failure, Session
from chelu.clock import SystemClock
from tests.fix_broker import MakeBroker
from tests.waiting import until


def test_what_was_meant_for_a_connection_that_ended_is_not_sent_over_the_next(make_broker: MakeBroker) -> None:
    broker = make_broker()
    session = Session(broker.url, client_id="one", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    number = session.connections
    assert session.publish("a", b"1", qos=1, on=number).wait(5)
    broker.kill()
    until(lambda: session.is_connected and session.connections > number, 15, "the next connection")
    assert session.publish("a", b"2", qos=1, on=number).failure is Failure.NOT_CONNECTED
    assert session.publish("a", b"2", qos=1, on=session.connections).wait(5)
    assert session.publish("a", b"2", qos=1).wait(5)
    session.stop()

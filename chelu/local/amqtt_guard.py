"""What amqtt leaves open, closed: nobody touches a session before the password is checked, and every message is asked about.

amqtt ends or takes over a session by its client id before it asks who is there; it publishes last wills unasked, and retained
messages to whoever subscribes, and at each connect those of everybody's subscriptions. Here, as in mosquitto as Chelu runs it, a
client's id is the user name, a will needs the right to write it, and a session whose password no longer counts is cut.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from amqtt import broker as amqtt_broker
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import MQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from chelu.local.rights import Rights

log = logging.getLogger(__name__)

Current = Callable[[], Rights]


class GuardedBroker(Broker):  # type: ignore[misc]  # amqtt brings no types
    """A broker that keeps to the rights. One a process: its connections are made by a class that amqtt takes from its module."""

    def __init__(self, configuration: dict[str, object], current: Current) -> None:
        super().__init__(configuration)
        self._current = current
        amqtt_broker.BrokerProtocolHandler = _guarded(current)

    async def cut_revoked(self) -> int:
        """End the sessions whose password no longer counts; how many they were."""
        rights, count = self._current(), 0
        for session, handler in list(self._sessions.values()):
            if session.transitions.state == "connected" and not rights.admits(session.username or "", session.password or ""):
                log.warning("%s is cut: its password no longer counts", session.client_id)
                session.will_flag = session.will_flag and _may_will(rights, session)
                await handler.handle_connection_closed()
                count += 1
        return count

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Session) -> None:
        """As amqtt does, but only what the session may hear, and only for a filter of its own."""
        name, qos = subscription
        if not any(mine is session for mine, _ in self._subscriptions.get(name, [])):
            return
        handler = self._get_handler(session)
        for topic, retained in list(self._retained_messages.items()):
            is_asked_for = handler is not None and self._matches(topic, name)
            if is_asked_for and await self._topic_filtering(session, topic=topic, action=Action.RECEIVE):
                await handler.mqtt_publish(retained.topic, retained.data, min(qos, retained.qos or qos), retain=True)


def _guarded(current: Current) -> type[BrokerProtocolHandler]:
    class Guarded(BrokerProtocolHandler):  # type: ignore[misc]  # as above
        @classmethod
        async def init_from_connect(cls, reader: Any, writer: Any, *others: Any, **named: Any) -> tuple[Any, Session]:
            """Read CONNECT, and refuse it before the broker looks for a session unless the password counts."""
            handler, session = await super().init_from_connect(reader, writer, *others, **named)
            rights = current()
            if not rights.admits(session.username or "", session.password or "") or not _may_will(rights, session):
                await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
                await writer.close()
                raise MQTTError(f"{session.username!r} is not let in")
            session.client_id = session.username
            return handler, session

    return Guarded


def _may_will(rights: Rights, session: Session) -> bool:
    return not session.will_flag or rights.allows(session.username or "", session.will_topic or "", is_write=True)

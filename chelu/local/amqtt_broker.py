"""amqtt as the broker of last resort, in a process of its own: MQTT 3.1.1, some thousand messages a second, a first look.

``python -m chelu.local.amqtt_broker PORT [PASSWORD_FILE ACL_FILE]`` takes mosquitto's own files and reads them anew on SIGHUP.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from chelu.local import rights
from chelu.local.amqtt_guard import GuardedBroker
from chelu.local.ports import LOOPBACK


class PasswordFile(BaseAuthPlugin):  # type: ignore[misc]  # amqtt brings no types
    """Lets in who is in mosquitto's password file."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._store = rights.Store(Path(self.config.password_file), Path(self.config.acl_file))

    async def authenticate(self, *, session: Session) -> bool | None:
        return self._store.current().admits(session.username or "", session.password or "")

    @dataclass
    class Config:
        """amqtt fills this from the broker's configuration."""

        password_file: str = ""
        acl_file: str = ""


class AclFile(BaseTopicPlugin):  # type: ignore[misc]  # as above
    """Allows what mosquitto's ACL file allows; reading is decided, as there, when a message is delivered."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._store = rights.Store(Path(self.config.password_file), Path(self.config.acl_file))

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        if session is None or topic is None or action is Action.SUBSCRIBE:
            return True
        return self._store.current().allows(session.username or "", topic, is_write=action is Action.PUBLISH)

    @dataclass
    class Config:
        """amqtt fills this from the broker's configuration."""

        password_file: str = ""
        acl_file: str = ""


def configuration(port: int, files: list[str]) -> dict[str, object]:
    """What amqtt is told: anyone may do anything, or what the two files say."""
    plugins: dict[str, object] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    if files:
        options = {"password_file": files[0], "acl_file": files[1]}
        plugins = {f"chelu.local.amqtt_broker.{name}": options for name in ("PasswordFile", "AclFile")}
    return {"listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}}, "plugins": plugins}


async def serve(port: int, files: list[str]) -> None:
    """Run until SIGTERM or SIGINT."""
    broker, on_change = _broker(port, files)
    await broker.start()
    ended, changed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    following = asyncio.create_task(_follow(changed, on_change))
    await ended.wait()
    following.cancel()
    await broker.shutdown()


def _broker(port: int, files: list[str]) -> tuple[Broker, Callable[[], Awaitable[object]]]:
    """The broker, and what it does when the files have changed."""
    if not files:
        return Broker(configuration(port, files)), lambda: asyncio.sleep(0)
    guarded = GuardedBroker(configuration(port, files), rights.Store(Path(files[0]), Path(files[1])).current)
    return guarded, guarded.cut_revoked


async def _follow(changed: asyncio.Event, on_change: Callable[[], Awaitable[object]]) -> None:
    while True:
        await changed.wait()
        changed.clear()
        await on_change()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))

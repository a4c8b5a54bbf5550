"""The settings in force: the file's, under what the platform has configured, which is kept over a restart.

Belongs to the agent's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chelu.errors import ConfigurationError
from edge import state_file
from edge.control import Desired
from edge.settings import EdgeSettings

log = logging.getLogger(__name__)
FILE = "configuration.json"  # beside the spools


class InForce:
    """What holds now. A kept file that cannot be used is passed over.

    mute: hears of every change of the muted streams. tell: called when another heartbeat was configured, by the agent's thread.
    """

    def __init__(self, settings: EdgeSettings, *, mute: Callable[[frozenset[str]], None], tell: Callable[[], None]) -> None:
        self._settings, self._mute, self._tell = settings, mute, tell
        self._file = settings.spool.directory / FILE
        self._desired = Desired()
        self.number = 0  # of the order that configured it
        self._load()

    @property
    def heartbeat_s(self) -> float:
        return self._desired.heartbeat_s or self._settings.heartbeat_s

    @property
    def run_status_s(self) -> float:
        return self._desired.run_status_s or self._settings.run_status_s

    @property
    def log_level(self) -> str:
        return self._desired.log_level or self._settings.log_level

    @property
    def muted_streams(self) -> frozenset[str]:
        muted = self._desired.muted_streams
        return frozenset(self._settings.muted_streams if muted is None else muted)

    def document(self) -> dict[str, Any]:
        """All of it, as it is reported."""
        return {
            "heartbeat_s": self.heartbeat_s,
            "run_status_s": self.run_status_s,
            "log_level": self.log_level,
            "muted_streams": sorted(self.muted_streams),
        }

    def take_over(self, desired: Desired, number: int) -> None:
        """Let this hold from now on, whole: what it does not name is as the file says. NotKeptError, and nothing has changed."""
        state_file.write(self._file, {"seqNum": number, "config": _plain(desired)})
        former_s, self._desired, self.number = self.heartbeat_s, desired, number
        self._apply()
        if self.heartbeat_s != former_s:
            self._tell()  # or a slower one is taken for silence
        log.info("configuration %d taken over: %s", number, _plain(desired))

    def _load(self) -> None:
        kept = state_file.read(self._file)
        try:
            self._desired = Desired.check(kept.get("config", {}), source=str(self._file))
        except ConfigurationError as error:
            log.warning("what was configured before is passed over: %s", error)
            return
        number = kept.get("seqNum")
        if isinstance(number, int):
            self.number = number
            self._apply()

    def _apply(self) -> None:
        self._mute(self.muted_streams)
        logging.getLogger("edge").setLevel(self.log_level)


def _plain(desired: Desired) -> Mapping[str, Any]:
    return desired.model_dump(mode="json", exclude_none=True)

"""What a broker's questions are answered with: its secret, and the newest state that has been told."""

from __future__ import annotations

import hmac

from services.registry.broker_files import BrokerState, Follower
from services.registry.decisions import Decider


class Hook:
    """Decides by what the broker's files say, or would say. Owned by the application; used on its event loop."""

    def __init__(self, secret: str, follower: Follower) -> None:
        self._secret, self._follower = secret.encode(), follower
        self._known: BrokerState | None = None
        self._decider = Decider(BrokerState({}, (), ()))

    def is_asked_by(self, secret: str) -> bool:
        """Whether this is the broker's secret."""
        return hmac.compare_digest(secret.encode("utf-8", "surrogateescape"), self._secret)

    def decider(self) -> Decider:
        """By the newest state."""
        state = self._follower.state
        if state is not self._known and state is not None:
            self._known, self._decider = state, Decider(state)
        return self._decider

"""Which of its two secrets a device uses: after a change the new one, and the other whenever the broker refuses one.

At every instant one of them counts, whatever was lost on the way: the old one until the registry has heard of the new.
"""

from __future__ import annotations

import logging
import threading

from chelu.bus import Session
from chelu.errors import ConfigurationError, RefusedError
from edge.credential import CredentialFile
from edge.settings import EdgeSettings

log = logging.getLogger(__name__)


class Account:
    """A device's account at the broker. Any thread may call."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._settings = settings
        self._file = CredentialFile(settings.credential_file) if settings.credential_file else None
        self._guard = threading.Lock()
        self._uses_next = False
        self._seen: RefusedError | None = None

    def rotate(self, session: Session) -> str:
        """Have a new secret, to be used from the next connection on; its verifier. ConfigurationError when it cannot be kept."""
        if self._file is None:
            raise ConfigurationError("credential_file", None, "without one, a new secret could not be kept")
        with self._guard:
            line = self._file.prepare()
            self._use(session, is_next=True)
        log.info("a new secret is kept: the registry is told its verifier")
        return line

    def watch(self, session: Session) -> None:
        """Call often: after a refusal the other secret is tried."""
        refusal = session.refusal
        if self._file is None or refusal is None or refusal is self._seen:
            return
        with self._guard:
            self._seen = refusal
            if self._file.next_secret() is not None:
                self._use(session, is_next=not self._uses_next)

    def note_connected(self) -> None:
        """The broker has taken the secret: if it was the new one, the old one is forgotten."""
        with self._guard:
            if self._file is None or not self._uses_next:
                return
            self._file.promote()
            self._uses_next = False
        log.info("the new secret counts; the old one is forgotten")

    def _use(self, session: Session, *, is_next: bool) -> None:
        if self._file is None:
            return
        secret = self._file.next_secret() if is_next else self._file.secret()
        self._uses_next = is_next and secret is not None
        session.use(self._settings.broker_url(secret))

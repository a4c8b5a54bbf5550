"""An append-only log on disk that survives `kill -9`: what could not be handed on yet, in order."""

from chelu.spool.log import Spool, SpoolError, SpoolFullError

__all__ = ["Spool", "SpoolError", "SpoolFullError"]

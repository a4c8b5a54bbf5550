"""An append-only log on disk that survives `kill -9`: what could not be sent yet, in order."""

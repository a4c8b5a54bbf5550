"""Programs of other parts that do work for the registry: called by name, each in a process of its own, with a limit on its time.

No service imports another, nor the simulators: what these know is asked of them. A request is a line of JSON on standard input,
an answer one on standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast

from chelu.errors import CannotStartError

NICENESS = 10  # requests come first
SAID = 2000  # characters of what it said before it broke
Answer = dict[str, Any]


class Asked:
    """One process, which begins at once. environ: what of `CHELU_…` it is told, and no more. Any thread may end it."""

    def __init__(
        self, command: Sequence[str], request: Mapping[str, Any], *, longest_s: float, environ: Mapping[str, str] | None = None
    ) -> None:
        self._longest_s = longest_s
        self.ended_by = ""
        own = {name: value for name, value in os.environ.items() if not name.startswith("CHELU_")}
        self._process = subprocess.Popen(  # noqa: S603 - commands are constants of this package; what varies is an id, or on its input
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**own, "OMP_NUM_THREADS": "1", **(environ or {})},
        )
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        self._stdin, self._stdout, self._stderr = (
            cast("IO[bytes]", pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        with contextlib.suppress(BrokenPipeError):  # why it is broken is told with its answers
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()

    def answers(self, each: Callable[[Answer], object]) -> None:
        """Give every answer, until there are no more. CannotStartError when it broke, or was ended."""
        timer = threading.Timer(self._longest_s, self.end, args=(f"it took longer than {self._longest_s:g} s",))
        timer.daemon = True
        said: list[bytes] = []
        listener = threading.Thread(target=lambda: said.append(self._stderr.read()), daemon=True)
        timer.start()
        listener.start()
        try:
            for line in self._stdout:
                each(json.loads(line))
            code = self._process.wait()
        finally:
            timer.cancel()
            self._kill()
            listener.join()
            for pipe in (self._stdin, self._stdout, self._stderr):
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.ended_by:
            raise CannotStartError("it was ended", self.ended_by)
        if code:
            told = b"".join(said).decode("utf-8", "replace").strip()[-SAID:]
            raise CannotStartError(f"it broke (exit code {code})", told or "it said nothing")

    def end(self, why: str) -> None:
        """End it and all that it started."""
        self.ended_by = self.ended_by or why
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

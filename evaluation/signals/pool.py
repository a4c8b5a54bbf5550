"""Runs in processes of their own, a few at once: one that dies is an error of its own and no other's."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chelu.errors import CannotStartError

_LAST_WORDS = 300  # characters of what a process that died had said


class Pool:
    """Tasks as documents in, results out in the order in which they end. `tell(name, share)` is called by the caller's thread."""

    def __init__(self, module: str, workers: int, tell: Callable[[str, float], None]) -> None:
        self._module, self._workers, self._tell = module, workers, tell
        self._said: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self._running: dict[str, subprocess.Popen[str]] = {}

    def run(self, tasks: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Each task's name and result. Raises CannotStartError for the first that fails; no process outlives the iteration."""
        waiting = list(tasks.items())
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._workers:
                    self._start(*waiting.pop(0))
                name, said = self._said.get()
                if "share" in said:
                    self._tell(name, said["share"])
                    continue
                self._running.pop(name).wait()
                if "error" in said:
                    raise CannotStartError(f"{name}: {said['error']}", "mend the scenario; what is done so far is kept")
                yield name, said["result"]
        finally:
            self._end()

    def _start(self, name: str, document: Any) -> None:
        process = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self._running[name] = process
        threading.Thread(target=self._listen, args=(name, process, json.dumps(document)), daemon=True).start()

    def _listen(self, name: str, process: subprocess.Popen[str], document: str) -> None:
        """In a thread of its own: hand over the task, and pass on what is said until an answer or the end."""
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - pipes
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        try:
            process.stdin.write(document)
            process.stdin.close()
            for line in process.stdout:
                if line.startswith("{"):
                    said = json.loads(line)
                    self._said.put((name, said))
                    if "share" not in said:
                        return
        except (OSError, ValueError) as error:
            errors.append(str(error))
        reader.join(timeout=5.0)
        self._said.put((name, {"error": f"its process ended without a result: {''.join(errors).strip()[-_LAST_WORDS:]}"}))

    def _end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()

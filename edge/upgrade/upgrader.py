"""Carries out upgrades beside the agent's work: one thread, one upgrade at a time, picked up again after whatever death.

`take` belongs to the agent's thread, and only writes the order down; the rest to the upgrader's. What it says goes through
`say(stream, document)`, which any thread may call. Whatever goes wrong, the agent goes on.
"""

from __future__ import annotations

import logging
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any

from chelu.clock import Clock
from chelu.errors import CheluError, MalformedError
from edge import state_file
from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK, Answer, number_of
from edge.settings import UpgradeSettings
from edge.upgrade.download import Fetcher, StoppedError
from edge.upgrade.order import Upgrade, UpgradeError, check_signed, kept, read, read_keys
from edge.upgrade.store import Store

log = logging.getLogger(__name__)
JOB = "job.json"  # in the packages' directory: the order at hand, or the last one with its end
ACTIVATE_S = 300.0
MOST_WORDS = 4096  # bytes, of what an activation says
TOLD_SHARE = 0.25  # of a package's bytes, between two words on them

Say = Callable[[str, Mapping[str, Any]], None]


class Upgrader:
    """Start it, `take` orders, stop it. answer(bytes) queues an answer, in the agent's thread."""

    def __init__(self, settings: UpgradeSettings, clock: Clock, *, answer: Callable[[bytes], None], say: Say) -> None:
        self._settings, self._clock, self._answer, self._say = settings, clock, answer, say
        self._store = Store(settings.directory, settings.versions)
        self._guard = threading.Condition()
        self._job: Upgrade | None = None
        self._end: dict[str, Any] | None = None  # what the last job came to
        self._stopping, self._halting = False, threading.Event()  # the agent ends; what runs now has to stop
        self._thread = threading.Thread(target=self._run, name="edge-upgrade", daemon=True)
        self._load()

    def versions(self) -> dict[str, str]:
        """What is in use, by name."""
        return self._store.versions()

    # -- the agent's thread --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on with what was begun."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was begun is gone on with after the next start."""
        with self._guard:
            self._stopping = True
            self._halting.set()
            self._guard.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def take(self, payload: bytes) -> None:
        """One order, answered when it is written down; one that is known is told how it stands."""
        try:
            upgrade = read(payload)
        except MalformedError as error:
            self._answer(Answer(number_of(payload), BAD_PARAMETER, error.detail).encode())
            return
        with self._guard:
            is_known = self._job is not None and self._job.number == upgrade.number
            end = self._end if is_known else None
            if not is_known or (end is None and self._job != upgrade):  # the same with another token, perhaps
                try:
                    self._keep(upgrade, None)
                except state_file.NotKeptError as error:
                    self._answer(Answer(upgrade.number, LOCAL_ERROR, str(error)).encode())
                    return
                self._job, self._end = upgrade, None
                self._halting.set()
                self._guard.notify_all()
        self._answer(Answer(upgrade.number, OK, extra={"state": "received", "time_us": self._clock.wall_us()}).encode())
        if end is not None:
            self._say("upgrade-status", end)

    # -- the upgrader's thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._end_overtaken()
        while (job := self._next()) is not None:
            try:
                self._carry_out(job)
                self._finish(job, "done", OK)
            except StoppedError:
                continue
            except UpgradeError as error:
                self._finish(job, "failed", LOCAL_ERROR, str(error))
            except (OSError, CheluError) as error:
                self._store.forget_part(job)  # the disk, most likely: its room is given back
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self._finish(job, "failed", LOCAL_ERROR, f"the disk does not take it: {reason}")
            except Exception as error:  # whatever it is, it ends the order and not the agent
                log.exception("%s %s: a fault of the program", job.name, job.version)
                self._finish(job, "failed", LOCAL_ERROR, f"{type(error).__name__}: {error}")

    def _end_overtaken(self) -> None:
        """A switch that was begun before the last end, and that the order at hand is not about, is taken back."""
        with self._guard:
            job = self._job if self._end is None else None
        for name, version in self._store.begun().items():
            if job is None or (job.name, job.version) != (name, version):
                try:
                    self._go_back(name)
                except Exception as error:  # noqa: BLE001 - as above
                    log.warning("%s %s is not taken back whole: %s", name, version, error)

    def _next(self) -> Upgrade | None:
        with self._guard:
            self._guard.wait_for(lambda: self._stopping or (self._job is not None and self._end is None))
            self._halting.clear()
            return None if self._stopping else self._job

    def _carry_out(self, job: Upgrade) -> None:
        if job.is_rollback or self._is_begun(job):
            self._tell(job, "installing")
            self._put_into_use(job)
            return
        if self._store.versions().get(job.name) == job.version and self._store.path(job.name, job.version).exists():
            return
        check_signed(job, self._trusted())
        self._store.check_room(job)
        self._fetch(job)
        self._tell(job, "verifying")
        self._store.check_whole(job)
        self._tell(job, "installing")
        self._store.put(job)
        self._put_into_use(job)

    def _is_begun(self, job: Upgrade) -> bool:
        """Whether the agent ended while it put this into use."""
        return self._store.begun().get(job.name) == job.version and self._store.path(job.name, job.version).exists()

    def _fetch(self, job: Upgrade) -> None:
        self._tell(job, "downloading")
        told = [0]

        def tell(size: int) -> None:
            if size - told[0] >= TOLD_SHARE * job.size and size < job.size:
                told[0] = size
                self._tell(job, "downloading", fetched=size)

        fetcher = Fetcher(self._settings.registry, self._settings.ca_file, self._halting)
        fetcher.fetch(job, self._store.part(job), tell)

    def _put_into_use(self, job: Upgrade) -> None:
        """Switch and activate. It is in use when that ended well and is written down; killed before, all is done again."""
        self._store.begin(job.name, job.version)
        try:
            self._activate(job.name, job.version)
            self._store.settle(job.name, keeps_former=not job.is_rollback)
        except Exception as error:
            try:
                self._go_back(job.name)
            except UpgradeError as worse:
                raise UpgradeError(f"{error}; then {worse}") from None
            raise

    def _go_back(self, name: str) -> None:
        """Put what was in use before a switch into use again; UpgradeError when that does not end well either."""
        former = self._store.link_back(name)
        try:
            if former is not None:
                self._activate(name, former)
        finally:
            self._store.take_back(name)

    def _activate(self, name: str, version: str) -> None:
        """Run what the device's own settings say, if anything; UpgradeError when it does not end well."""
        if not self._settings.activate:
            return
        values = {"name": name, "version": version, "path": str(self._store.path(name, version))}
        command = [word.format(**values) for word in self._settings.activate]
        try:
            code, last = _run(command)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpgradeError(f"activating {name} {version} failed: {error}") from None
        if code:
            raise UpgradeError(f"activating {name} {version} ended with {code}: {last}")

    def _trusted(self) -> dict[str, str]:
        file = self._settings.keys_file
        if file is None:
            raise UpgradeError("no maker is trusted here: [upgrade] keys_file names none")
        try:
            return read_keys(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UpgradeError(f"{file.name} cannot be read ({error})") from None

    # -- words ---------------------------------------------------------------------------------------------------------------

    def _tell(self, job: Upgrade, state: str, **more: object) -> None:
        if self._halting.is_set():
            raise StoppedError
        self._say("upgrade-status", self._status(job, state, OK, **more))

    def _finish(self, job: Upgrade, state: str, code: int, detail: str = "") -> None:
        end = self._status(job, state, code, versions=self._store.versions())
        detail = "".join(
            one if one.isprintable() else "\ufffd" for one in detail
        )  # no log obeys it, and the platform can store it
        end |= {"errorDesc": detail[:128]} if detail else {}
        log.info("%s %s: %s %s", job.name, job.version, state, detail)
        with self._guard:
            if self._job is not None and self._job.number != job.number:
                return  # overtaken
            self._end = end
            try:
                self._keep(job, end)
            except state_file.NotKeptError as error:  # after a restart it is done again, and comes to the same
                log.warning("the end of an upgrade is not kept: %s", error)
        self._say("upgrade-status", end)

    def _status(self, job: Upgrade, state: str, code: int, **more: object) -> dict[str, Any]:
        about = {"seqNum": job.number, "name": job.name, "version": job.version, "state": state, "errorCode": code}
        return {**about, "time_us": self._clock.wall_us(), **more}

    def _keep(self, job: Upgrade, end: Mapping[str, Any] | None) -> None:
        state_file.write(self._settings.directory / JOB, {"job": job.document(), "end": end})

    def _load(self) -> None:
        found = state_file.read(self._settings.directory / JOB)
        job, end = found.get("job"), found.get("end")
        if isinstance(job, dict):
            self._job = kept(job)
            self._end = end if isinstance(end, dict) else None


def _run(command: list[str]) -> tuple[int, str]:
    """The code that a command ends with, and its last words; not waiting for programs that it leaves running."""
    with tempfile.TemporaryFile() as said:  # a pipe would be open as long as those are
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=said, timeout=ACTIVATE_S, check=False)  # noqa: S603 - the device's own
        said.seek(max(0, said.tell() - MOST_WORDS))
        return done.returncode, (said.read().decode("utf-8", "replace").strip().splitlines() or [""])[-1]

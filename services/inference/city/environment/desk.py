"""The surroundings of all sites while they run: on a thread of its own, so that no warning waits for it.

Odd readings are looked for on another: who learns from days that come all at once does not keep a flood waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chelu.messages import Batch
from services.inference.city.beside import Beside
from services.inference.city.environment import foretelling
from services.inference.city.environment.findings import Entry
from services.inference.city.environment.odd import AnomalyWatch
from services.inference.city.environment.watch import EnvironmentParameters, EnvironmentWatch, parameters_of
from services.inference.city.findings import rows_to_store
from services.inference.inbox import Intake
from services.inference.register import Device, Register, SiteEntry

TABLE = "city.finding"
_WAITING = 256  # batches of readings: beyond, the oldest are dropped and counted


@dataclass(frozen=True, slots=True)
class _Heard:
    entry: SiteEntry
    rows: Sequence[Batch]
    devices: Mapping[int, Device]
    now_us: int


class EnvironmentDesk:
    """`attend` is called by the thread that warns, everything else happens on this one's; `store` takes a table and its rows."""

    def __init__(
        self,
        values: Mapping[str, Mapping[str, Mapping[str, Any]]],
        store: Callable[[str, Batch], None],
        new_id: Callable[[], str],
        standing: Mapping[str, Sequence[Entry]] | None = None,
    ) -> None:
        self._parameters = {site: parameters_of(of, f"parameters_file, site {site}") for site, of in values.items()}
        self._store, self._new_id, self._standing = store, new_id, standing or {}
        self._watches: dict[str, EnvironmentWatch] = {}
        self._odd: dict[str, AnomalyWatch] = {}
        self.counts: Counter[str] = Counter()
        self._beside = Beside("surroundings", self._take, failed=self._failed, dropped=self._dropped, most=_WAITING)
        self._beside_odd = Beside("odd readings", self._look, failed=self._failed_odd, dropped=self._dropped, most=_WAITING)

    def attend(self, intakes: Mapping[str, Intake], register: Register, now_us: int) -> None:
        """After every turn: what sensors said; never waits."""
        for site_id, intake in intakes.items():
            if intake.observations:
                heard = _Heard(register.sites[site_id], intake.observations, register.by_key, now_us)
                self._beside.put(heard)
                self._beside_odd.put(heard)

    def stop(self) -> None:
        """End the threads; what waits is dropped."""
        self._beside.stop()
        self._beside_odd.stop()

    def _dropped(self) -> None:
        self.counts["readings_dropped"] += 1

    def _failed(self, heard: _Heard) -> str:
        self.counts["environment_faults"] += 1
        return f"readings of site {heard.entry.site_id} could not be judged"

    def _failed_odd(self, heard: _Heard) -> str:
        self.counts["anomaly_faults"] += 1
        return f"readings of site {heard.entry.site_id} could not be compared with what is usual"

    def _take(self, heard: _Heard) -> None:
        site_id = heard.entry.site_id
        watch = self._watches.get(site_id)
        if watch is None:
            parameters, standing = self._of(site_id)
            watch = self._watches[site_id] = EnvironmentWatch(site_id, parameters, self._new_id, standing)
        watch.use(heard.entry.roads, heard.entry.frame)
        for rows in heard.rows:
            said, told = watch.hear(rows, heard.devices, heard.now_us)
            if said:
                self._store(TABLE, rows_to_store(said, heard.now_us))
            if told:
                self._store(foretelling.TABLE, foretelling.outlook_rows(told, site_id))
            self.counts["findings_told"] += len(said)
            self.counts["outlooks_told"] += len(told)

    def _look(self, heard: _Heard) -> None:
        """For what is odd, on the thread that does nothing else."""
        site_id = heard.entry.site_id
        watch = self._odd.get(site_id)
        if watch is None:
            parameters, standing = self._of(site_id)
            watch = self._odd[site_id] = AnomalyWatch(site_id, parameters.anomalies, self._new_id, standing)
        for rows in heard.rows:
            said = watch.hear(rows, heard.devices, heard.now_us)
            if said:
                self._store(TABLE, rows_to_store(said, heard.now_us))
            self.counts["anomalies_told"] += len(said)

    def _of(self, site_id: str) -> tuple[EnvironmentParameters, Sequence[Entry]]:
        return self._parameters.get(site_id, EnvironmentParameters()), self._standing.get(site_id, ())

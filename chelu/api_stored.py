"""The registry's client, reading: what ingest and inference have written, table by table, in pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from chelu.api_records import Account

PAGE_ROWS = 50_000
END_OF_TIME_US = 4_102_444_800_000_000

Row = dict[str, Any]


class StoredTables(ABC):
    """What of a client of the registry reads stored tables: rows as JSON has them, oldest first."""

    @abstractmethod
    def _json(self, method: str, path: str, *, allowed: Sequence[int] = (), **request: Any) -> Any:
        """What a call answers, as JSON."""

    def accounts(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> dict[str, Account]:
        """Accounts by stream, of the batches that ingest began in a period."""
        found = self._json("GET", "/api/accounts", params={"from_us": from_us, "to_us": to_us})
        return {stream: Account(**row) for stream, row in found.items()}

    def traffic(self, *, seconds: int = 60) -> Row:
        """How the site did in the last seconds: ``streams``, ``lag`` and ``broker``, as the API describes them."""
        traffic: Row = self._json("GET", "/api/traffic", params={"seconds": seconds})
        return traffic

    def batches(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """Ingest's batches with ``created_us`` and ``committed_us``."""
        return self._rows("/api/batches", from_us, to_us)

    def dead_letters(
        self, *, device: str | None = None, reason: str | None = None, from_us: int = 0, to_us: int = END_OF_TIME_US
    ) -> Iterator[Row]:
        """Messages that could not be used, with topic, reason and bytes in hexadecimal."""
        return self._rows("/api/dead-letters", from_us, to_us, device=device, reason=reason)

    def messages(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """MAP and RSI messages and telemetry."""
        return self._rows("/api/messages", from_us, to_us)

    def reports(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """JSON documents that devices sent."""
        return self._rows("/api/reports", from_us, to_us)

    def observations(
        self, *, device: str | None = None, quantity: str | None = None, from_us: int = 0, to_us: int = END_OF_TIME_US
    ) -> Iterator[Row]:
        """What sensors measured, in SI, with ``quantity``, ``unit`` and ``device_id``."""
        return self._rows("/api/observations", from_us, to_us, device=device, quantity=quantity)

    def warnings(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """Warnings raised, updated and cleared."""
        return self._rows("/api/warnings", from_us, to_us)

    def coop_sessions(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | None) -> Iterator[Row]:
        """Requests of cooperation; `filters` as the API has them: site, application, state."""
        return self._rows("/api/coop/sessions", from_us, to_us, **filters)

    def coop_messages(self, *, session: str | None = None, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """Messages of cooperation and changes of state."""
        return self._rows("/api/coop/messages", from_us, to_us, session=session)

    def segments(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US) -> Iterator[Row]:
        """Traffic state by road segment."""
        return self._rows("/api/segments", from_us, to_us)

    def city_state(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | int | None) -> Iterator[Row]:
        """Traffic state by place and period; `filters` as the API has them: site, scope, place, period."""
        return self._rows("/api/city/state", from_us, to_us, **filters)

    def city_turns(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | None) -> Iterator[Row]:
        """Turns and trips by quarter of an hour; `filters` as the API has them: site, kind, segment."""
        return self._rows("/api/city/turns", from_us, to_us, **filters)

    def city_surroundings(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | None) -> Iterator[Row]:
        """What is found of the surroundings; `filters` as the API has them: site, kind, standing."""
        return self._rows("/api/city/surroundings", from_us, to_us, **filters)

    def city_outlook(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | None) -> Iterator[Row]:
        """Water levels and air quality ahead, a row a horizon; `filters` as the API has them: site, device, quantity."""
        return self._rows("/api/city/outlook", from_us, to_us, **filters)

    def city_forecast(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | int | None) -> Iterator[Row]:
        """Speeds of segments in the next hour; `filters` as the API has them: site, place, ahead."""
        return self._rows("/api/city/forecast", from_us, to_us, **filters)

    def city_forecast_watch(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, site: str | None = None) -> Iterator[Row]:
        """Which method serves, and the mean error of each."""
        return self._rows("/api/city/forecast-watch", from_us, to_us, site=site)

    def city_findings(self, *, from_us: int = 0, to_us: int = END_OF_TIME_US, **filters: str | None) -> Iterator[Row]:
        """Incidents, sensors that are wrong, jams to come; `filters` as the API has them: site, kind."""
        return self._rows("/api/city/findings", from_us, to_us, **filters)

    def entities(self, kind: str, *, from_us: int = 0, to_us: int = END_OF_TIME_US, site: str | None = None) -> Iterator[Row]:
        """Entities of a kind after FIWARE's smart data models, such as AirQualityObserved."""
        return self._rows(f"/api/entities/{kind}", from_us, to_us, site=site)

    def _rows(self, path: str, from_us: int, to_us: int, **filters: str | int | None) -> Iterator[Row]:
        after: int | None = None
        while True:
            page = self._json("GET", path, params=present(from_us=from_us, to_us=to_us, limit=PAGE_ROWS, after=after, **filters))
            yield from page["rows"]
            after = page["next"]
            if after is None:
                return


def present(**query: object) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in query.items() if value is not None}

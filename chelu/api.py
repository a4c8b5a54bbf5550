"""Client of the registry's HTTP API, for commands, simulators and judges. Needs httpx.

Every method raises UnreachableError when the registry (or a part it needs) is away, and RefusedError when it says no.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

import httpx

from chelu import api_bodies, tls
from chelu.api_endpoint import Endpoint, path_of
from chelu.api_records import (
    Account,
    Device,
    ImportFault,
    ImportReport,
    LifecycleEntry,
    NewDevice,
    Organisation,
    Registered,
    Site,
)
from chelu.api_stored import END_OF_TIME_US, PAGE_ROWS, StoredTables, present
from chelu.errors import RefusedError, UnreachableError
from chelu.topics import Kind

if TYPE_CHECKING:
    from chelu.messages import Batch

__all__ = [
    "Account",
    "Client",
    "Device",
    "Endpoint",
    "ImportFault",
    "ImportReport",
    "LifecycleEntry",
    "NewDevice",
    "Organisation",
    "Registered",
    "Site",
]

PEER = "the registry"
TIMEOUT_S = 60.0
FILE_TIMEOUT_S = 600.0
AUDIT_PAGE = 1000
DEVICES_A_REQUEST = 10_000

Row = dict[str, Any]
RecordT = TypeVar("RecordT", Site, Organisation, Device, LifecycleEntry)


class Client(StoredTables):
    """The registry's API. Close it, or use it in a `with`. One thread at a time.

    An https URL may end with ``?ca=FILE``, which goes before `ca_file`.
    """

    def __init__(self, url: str, key: str, *, ca_file: Path | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._url, named = tls.without_authority(url)
        self._ca_file = named or ca_file
        headers = {"Authorization": f"Bearer {key}"}
        verify = tls.client_context(self._ca_file) if self._url.startswith("https:") else False
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False, verify=verify
        )

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """A client of the registry that `Endpoint.find` names."""
        endpoint = Endpoint.find(environ)
        return cls(endpoint.url, endpoint.key, ca_file=endpoint.ca_file)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def health(self) -> Row:
        """The registry's own word on its state, well or not."""
        health: Row = self._json("GET", "/health", allowed=(200, 503))
        return health

    def add_site(self, site: Site) -> Site:
        """Register a site."""
        return _record(Site, self._json("POST", "/api/sites", json=asdict(site)))

    def sites(self) -> list[Site]:
        """All sites, by id."""
        return [_record(Site, row) for row in self._json("GET", "/api/sites")]

    def site(self, site_id: str) -> Site:
        """One site."""
        return _record(Site, self._json("GET", path_of("sites", site_id)))

    def change_site(self, site_id: str, changes: Mapping[str, Any]) -> Site:
        """Change fields of a site; RefusedError when someone else changed it meanwhile."""
        return _record(Site, self._change(path_of("sites", site_id), changes))

    def delete_site(self, site_id: str) -> None:
        """Delete a site that has no devices."""
        self._send("DELETE", path_of("sites", site_id))

    def add_organisation(self, organisation: Organisation) -> Organisation:
        """Register an organisation."""
        return _record(Organisation, self._json("POST", "/api/organisations", json=asdict(organisation)))

    def organisations(self, *, role: str | None = None) -> list[Organisation]:
        """Organisations, by id."""
        return [_record(Organisation, row) for row in self._json("GET", "/api/organisations", params=present(role=role))]

    def organisation(self, organisation_id: str) -> Organisation:
        """One organisation."""
        return _record(Organisation, self._json("GET", path_of("organisations", organisation_id)))

    def change_organisation(self, organisation_id: str, changes: Mapping[str, Any]) -> Organisation:
        """Change fields of an organisation; RefusedError when someone else changed it meanwhile."""
        return _record(Organisation, self._change(path_of("organisations", organisation_id), changes))

    def delete_organisation(self, organisation_id: str) -> None:
        """Delete an organisation that nothing names."""
        self._send("DELETE", path_of("organisations", organisation_id))

    def put_roads(self, site_id: str, content: bytes) -> int:
        """Store a SUMO network packed with gzip; answers its version."""
        headers = {"Content-Type": "application/gzip"}
        return int(self._json("PUT", path_of("sites", site_id, "roads"), content=content, headers=headers)["version"])

    def roads(self, site_id: str) -> bytes:
        """The newest road network: a SUMO network packed with gzip."""
        return self._send("GET", path_of("sites", site_id, "roads")).content

    def entity_day(self, kind: str, day: str, *, site: str | None = None) -> bytes:
        """A day in UTC of what was observed of a kind of entity: a Parquet file."""
        return self._send("GET", path_of("entities", kind, "days", day), params=present(site=site)).content

    def add_devices(self, devices: Sequence[NewDevice]) -> list[Registered]:
        """Register devices, all or none; more than 10,000 go in several requests, each all or none."""
        registered: list[Registered] = []
        for start in range(0, len(devices), DEVICES_A_REQUEST):
            body = [asdict(device) for device in devices[start : start + DEVICES_A_REQUEST]]
            registered += [Registered(**row) for row in self._json("POST", "/api/devices", json=body)]
        return registered

    def devices(
        self, *, kind: Kind | None = None, site: str | None = None, limit: int = 1000, **filters: str | Sequence[str] | None
    ) -> Iterator[Device]:
        """Devices by id, fetched `limit` at a time; `filters` as the API has them, such as q, lifecycle, vendor, label."""
        after: str | None = ""
        while after is not None:
            query = present(kind=kind, site=site, limit=limit, after=after, **filters)
            page = self._json("GET", "/api/devices", params=query)
            yield from (_device(row) for row in page["devices"])
            after = page["next"]

    def device(self, device_id: str) -> Device:
        """One device."""
        return _device(self._json("GET", path_of("devices", device_id)))

    def change_device(self, device_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> Device:
        """Change fields of a device, of this version if one is given; RefusedError when someone else changed it meanwhile."""
        return _device(self._change(path_of("devices", device_id), changes, version=version))

    def delete_device(self, device_id: str) -> None:
        """Delete a device that nothing depends on."""
        self._send("DELETE", path_of("devices", device_id))

    def step_device(self, device_id: str, to: str, *, note: str = "") -> Device:
        """Let a device go into its next state."""
        return _device(self._json("POST", path_of("devices", device_id, "lifecycle"), json={"to": to, "note": note}))

    def lifecycle(self, device_id: str) -> list[LifecycleEntry]:
        """The states a device came into, oldest first."""
        return [_record(LifecycleEntry, row) for row in self._json("GET", path_of("devices", device_id, "lifecycle"))]

    def import_devices(
        self, content: bytes, media_type: str, *, is_dry_run: bool = False, is_skipping_bad: bool = False
    ) -> ImportReport:
        """Register the devices of a CSV (text/csv) or GeoJSON (application/geo+json) file.

        While one is bad nothing is registered, unless the bad are skipped; the report then has the faults, as after a dry run.
        """
        response = self._send(
            "POST",
            "/api/import/devices",
            allowed=(httpx.codes.UNPROCESSABLE_ENTITY,),
            content=content,
            params={"dry_run": is_dry_run, "skip_bad": is_skipping_bad},
            headers={"Content-Type": media_type},
            timeout=FILE_TIMEOUT_S,
        )
        found = response.json()
        if not response.is_success and not found.get("errors", [{}])[0].get("line"):
            raise RefusedError(PEER, "POST /api/import/devices", _detail(response))
        faults = [ImportFault(**fault) for fault in found.get("faults", found.get("errors"))]
        registered = [Registered(**row) for row in found.get("registered", ())]
        return ImportReport(is_refused=not response.is_success, good=found.get("good"), faults=faults, registered=registered)

    def export_devices(self, format_name: str, **filters: Any) -> bytes:
        """The devices that fit all filters as a file, csv or geojson."""
        query = present(format=format_name, **filters)
        return self._send("GET", "/api/export/devices", params=query, timeout=FILE_TIMEOUT_S).content

    def new_credential(self, device_id: str) -> Registered:
        """A new secret in the place of the old one."""
        return Registered(**self._json("POST", path_of("devices", device_id, "credential")))

    def revoke_credential(self, device_id: str) -> None:
        """Take a device's credential away."""
        self._send("DELETE", path_of("devices", device_id, "credential"))

    def stream(
        self,
        stream: str,
        *,
        from_us: int = 0,
        to_us: int = END_OF_TIME_US,
        device: str | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> Iterator[Batch]:
        """Stored rows of [from_us, to_us) in the order of event time, a page a batch, with ``device_id`` and ``committed_us``."""
        from chelu.codec import columns  # late: commands that read no rows are a fifth smaller without numpy

        after: str | None = None
        while True:
            query = present(from_us=from_us, to_us=to_us, device=device, limit=page_rows, after=after, format="columns")
            batch, header = columns.unpack(self._send("GET", path_of("streams", stream), params=query).content)
            if len(batch):
                yield batch
            after = header["next"]
            if after is None:
                return

    def audit(self, **filters: str | int | None) -> Iterator[Row]:
        """Changes of the register, oldest first; `filters` as the API has them: actor, subject, what, from_us, to_us."""
        after: int | None = 0
        while after is not None:
            page = self._json("GET", "/api/audit", params=present(limit=AUDIT_PAGE, after=after, **filters))
            yield from page["entries"]
            after = page["next"]

    def login(self, user_name: str, password: str) -> Row:
        """Begin a session: ``token``, which is a key, and ``expires``."""
        session: Row = self._json("POST", "/api/login", json={"user_name": user_name, "password": password})
        return session

    def me(self) -> Row:
        """Whose key this is: name, user, roles, scopes."""
        me: Row = self._json("GET", "/api/me")
        return me

    def people(self, method: str, *path: str, **request: Any) -> Any:
        """A call about ``users``, ``keys``, ``inbox`` …, as the API describes it; its document, None when it has none."""
        response = self._send(method, path_of(*path), **request)
        return response.json() if response.content else None

    def change_user(self, user_name: str, changes: Mapping[str, Any]) -> Row:
        """Change fields of a user; RefusedError when someone else changed it meanwhile."""
        user: Row = self._change(path_of("users", user_name), changes)
        return user

    def backup(self, target: IO[bytes]) -> int:
        """Write the register's backup to a file; returns its bytes."""
        return sum(map(target.write, self.pieces("/api/backup")))

    def pieces(self, path: str, **query: object) -> Iterator[bytes]:
        """A file as it comes; UnreachableError, too, when it ends before it is whole."""
        try:
            with self._http.stream("GET", path, params=present(**query), timeout=FILE_TIMEOUT_S) as response:
                if not response.is_success:
                    response.read()
                    raise self._refusal("GET", path, response)
                yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise UnreachableError(PEER, self._url, self._explained(error)) from None

    def restore(self, source: IO[bytes], *, replace: bool = False) -> Row:
        """Let the register be what a backup says: ``made``, ``chelu`` and ``rows`` by table."""
        headers = {"Content-Type": "application/x-tar"}
        query = {"replace": replace}
        restored: Row = self._json("POST", "/api/restore", content=source, params=query, headers=headers, timeout=FILE_TIMEOUT_S)
        return restored

    def capture(self, site_id: str, event_id: int) -> bytes:
        """What was kept of the streams around an event: an MCAP file."""
        return self._send("GET", path_of("sites", site_id, "events", str(event_id), "capture"), timeout=FILE_TIMEOUT_S).content

    def _change(self, path: str, changes: Mapping[str, Any], *, version: int | None = None) -> Any:
        if version is None:
            version = self._json("GET", path)["version"]
        return self._json("PATCH", path, json=dict(changes), headers={"If-Match": f'"{version}"'})

    def _json(self, method: str, path: str, *, allowed: Sequence[int] = (), **request: Any) -> Any:
        return self._send(method, path, allowed=allowed, **request).json()

    def _send(self, method: str, path: str, *, allowed: Sequence[int] = (), **request: Any) -> httpx.Response:
        if "json" in request:
            request["content"] = api_bodies.encoded(request.pop("json"))
            request["headers"] = {**api_bodies.HEADERS, **request.get("headers", {})}
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise UnreachableError(PEER, self._url, self._explained(error)) from None
        if response.is_success or response.status_code in allowed:
            return response
        raise self._refusal(method, path, response)

    def _refusal(self, method: str, path: str, response: httpx.Response) -> UnreachableError | RefusedError:
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return UnreachableError(PEER, self._url, _detail(response))
        return RefusedError(PEER, f"{method} {path}", _detail(response))

    def _explained(self, error: httpx.HTTPError) -> str:
        """What went wrong; httpx wraps what went wrong with TLS twice."""
        cause: BaseException | None = error
        while cause and not isinstance(cause, ssl.SSLError):
            cause = cause.__cause__ or cause.__context__
        return tls.explained(cause, self._http.base_url.host, self._ca_file) if cause else str(error) or type(error).__name__


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.reason_phrase}"


def _device(row: Row) -> Device:
    return _record(Device, {**row, "kind": Kind(row["kind"])})


def _record(record: type[RecordT], row: Mapping[str, Any]) -> RecordT:
    """A record of the row's fields that it knows, so that a newer registry may say more."""
    names = {each.name for each in fields(record)}
    return record(**{name: value for name, value in row.items() if name in names})

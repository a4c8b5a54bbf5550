"""Many devices from a file, and to one, over HTTP: all or none, or none at all in a dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import ValidationError

from services.registry import device_rows, device_rules, device_search
from services.registry.access import ActorOf, CallerOf
from services.registry.database import remember
from services.registry.device_files import READERS, WRITERS, Record
from services.registry.device_filters import FiltersOf
from services.registry.device_models import Device, ImportFault, ImportReport, NewDevice, Registered
from services.registry.devices import new_secrets, require_operator
from services.registry.parts import Parts, PartsOf
from services.registry.pieces import joined
from services.registry.problems import Fault, ProblemError, answer, fault_of
from services.registry.roles import Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api", tags=["devices"])
MAX_RECORDS = 100_000
EXPORT_PAGE = 5_000
CSV, GEOJSON = "text/csv", "application/geo+json"
FORMATS = {"csv": CSV, "geojson": GEOJSON}
TEXT = {"type": "string"}
BODY = {"requestBody": {"required": True, "content": {CSV: {"schema": TEXT}, GEOJSON: {"schema": {"type": "object"}}}}}


async def _content(request: Request) -> bytes:
    return await request.body()


Content = Annotated[bytes, Depends(_content)]
Format = Annotated[str, Query(pattern="^(csv|geojson)$")]
DryRun = Annotated[bool, Query(description="only say what would be done")]
SkipBad = Annotated[bool, Query(description="register the good records although others are bad")]


@ROUTER.post(
    "/import/devices",
    status_code=HTTPStatus.CREATED,
    openapi_extra=BODY,
    response_model=ImportReport,
    responses={200: {"model": ImportReport, "description": "a dry run: nothing is registered"}},
)
def import_devices(
    content: Content,
    request: Request,
    response: Response,
    parts: PartsOf,
    who: CallerOf,
    actor: ActorOf,
    *,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
) -> Response | ImportReport:
    """Register the devices of a CSV or GeoJSON file (by Content-Type): none while one is bad, unless the bad are to be skipped.

    The answer, or the refusal, names the line, the field and the reason of everything that is bad. Secrets are shown only here.
    """
    if not dry_run:
        parts.broker.check()
    found = _reader(request)(content)
    _check_count(len(found.records))
    with parts.register.transaction(actor) as connection:
        good, faults = _checked(connection, found.records, found.faults)
        require_operator(parts, who, good)
        is_refused = bool(faults) and not skip_bad
        registered = [] if dry_run or is_refused else _register(connection, good, actor)
    if registered:
        parts.broker.announce()
    if is_refused and not dry_run:
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, _summary(faults), faults)
    response.status_code = HTTPStatus.OK if dry_run else HTTPStatus.CREATED
    bad = [ImportFault(**fault.document()) for fault in faults]
    return ImportReport(records=len(found.records), good=len(good), faults=bad, registered=registered)


@ROUTER.get("/export/devices", response_class=StreamingResponse, responses={200: {"content": {CSV: {}, GEOJSON: {}}}})
def export_devices(parts: PartsOf, who: CallerOf, filters: FiltersOf, format: Format = "csv") -> StreamingResponse:
    """The devices that fit all filters as a file that can be imported again; it has no credentials."""
    pages = _pages(parts, {**filters, "sites": who.sites(Role.VIEWER)})
    first = next(pages)  # so that a database that is away is said to be before the answer begins
    media_type = FORMATS[format]
    headers = {"Content-Disposition": f'attachment; filename="devices.{format}"'}
    return StreamingResponse(joined(WRITERS[media_type](_all(first, pages))), media_type=media_type, headers=headers)


def _pages(parts: Parts, filters: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    after: str | None = ""
    while after is not None:
        with parts.register.reading() as connection:
            rows = device_search.listed(connection, filters, after=after, limit=EXPORT_PAGE)
        yield [Device(**row).model_dump(mode="json") for row in rows]
        after = rows[-1]["device_id"] if len(rows) == EXPORT_PAGE else None


def _all(first: list[dict[str, Any]], pages: Iterator[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    yield from first
    for page in pages:
        yield from page


def _reader(request: Request) -> Callable[[bytes], Any]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in READERS:
        allowed = " or ".join(READERS)
        detail = f"Content-Type = {media_type!r} is not allowed: {allowed}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, [Fault("Content-Type", media_type, allowed)])
    return READERS[media_type]


def _check_count(count: int) -> None:
    if count > MAX_RECORDS:
        fault = Fault("(document)", f"{count} records", f"at most {MAX_RECORDS} records")
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the file has {fault.value}; allowed are {fault.allowed}", [fault]
        )


def _checked(
    connection: Connection[DictRow], records: Sequence[Record], unread: Sequence[Fault]
) -> tuple[list[NewDevice], list[Fault]]:
    """The devices that could be registered together without the others, and all faults by line."""
    faults = [*unread]
    good: list[tuple[int, NewDevice]] = []
    for record in records:
        try:
            good.append((record.line, NewDevice.model_validate(record.values)))
        except ValidationError as error:
            faults += [replace(fault_of(each), line=record.line) for each in error.errors()]
    known = device_rows.known(connection, [device for _, device in good])
    devices = [device for _, device in good]
    found = device_rules.find_faults(devices, known)
    found += device_rules.find_orphans(devices, {each.row for each in found}, known)
    faults += [replace(each.fault, line=good[each.row][0]) for each in found]
    bad = {each.row for each in found}
    if not records and not faults:
        faults.append(Fault("(document)", "no record", "at least one device", 1))
    return [device for row, device in enumerate(devices) if row not in bad], sorted(faults, key=lambda fault: fault.line or 0)


def _register(connection: Connection[DictRow], devices: Sequence[NewDevice], actor: str) -> list[Registered]:
    if not devices:
        return []
    registered = device_rows.register(connection, devices, new_secrets(devices), actor)
    detail = {"devices": [device.device_id for device in devices]}
    remember(connection, actor, "import devices", f"{len(devices)} devices", detail)
    return registered


def _summary(faults: Sequence[Fault]) -> str:
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"nothing is imported: line {first.line}: {first.field} = {first.value} is not allowed: {first.allowed}{more}"

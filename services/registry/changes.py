"""Changes to what is registered: the version they expect, the result checked as a whole, and refusals that name rows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Header, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from chelu.clock import Clock
from chelu.units import US_PER_S
from services.registry.problems import Fault, ProblemError

SHOWN_FAULTS = 100
IfMatch = Annotated[
    str | None, Header(description='the version that is meant, in quotes as in ETag ("3"), or * for whichever there is')
]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing wrong with one row of a request, and the status it is refused with."""

    row: int
    fault: Fault
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY


def check_version(if_match: str | None, version: int, name: str) -> None:
    """Raise ProblemError 428 without If-Match, and 412 when it means another version than the present."""
    allowed = f'"{version}", the present version of {name}, or *'
    if if_match is None:
        fault = Fault("If-Match", "nothing", allowed)
        raise ProblemError(HTTPStatus.PRECONDITION_REQUIRED, f"a change needs the header If-Match: {allowed}", [fault])
    tags = {tag.strip().removeprefix("W/") for tag in if_match.split(",")}
    if not tags & {"*", f'"{version}"'}:
        fault = Fault("If-Match", if_match, allowed)
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, f"If-Match = {if_match} is not allowed: {allowed}", [fault])


def check_end(field: str, end: datetime.datetime | None, clock: Clock, longest: datetime.timedelta) -> None:
    """Raise ProblemError 422 unless what is to end then ends after now, and no later than `longest` from now."""
    now = datetime.datetime.fromtimestamp(clock.wall_us() / US_PER_S, datetime.UTC)
    if end is not None and not now < end <= now + longest:
        fault = Fault(field, end.isoformat(), f"after now, and within {longest.days} days")
        detail = f"{field} = {fault.value} is not allowed: {fault.allowed}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [fault])


def set_version(response: Response, version: int) -> None:
    """Send a version as the ETag."""
    response.headers["ETag"] = f'"{version}"'


def changed(model: type[ModelT], present: Mapping[str, Any], change: BaseModel) -> ModelT:
    """`present` with what `change` names, checked as a whole; RequestValidationError by field."""
    given = change.model_dump(exclude_unset=True)
    try:
        return model.model_validate({**present, **given})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def differs(new: BaseModel, present: BaseModel) -> bool:
    """Whether a change changes something of what both have; one that does not is none, and leaves the version as it is."""
    both = type(new).model_fields.keys() & type(present).model_fields.keys()
    return new.model_dump(mode="json", include=both) != present.model_dump(mode="json", include=both)


def refuse(faults: Sequence[RowFault], *, is_list: bool = True) -> None:
    """Raise a ProblemError when there are faults, with the status of the first; rows are named unless there is only one."""
    if not faults:
        return
    named = [_named(each) if is_list else each.fault for each in faults[:SHOWN_FAULTS]]
    first, more = named[0], f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise ProblemError(faults[0].status, f"{first.field} = {first.value} is not allowed: {first.allowed}{more}", named)


def _named(found: RowFault) -> Fault:
    return replace(found.fault, field=f"[{found.row}].{found.fault.field}")


def dependants(what: str, name: str, found: Mapping[str, Sequence[str]]) -> None:
    """Raise ProblemError 409 when something depends on what is to be deleted: ids by what they are."""
    faults = [Fault(kind, ", ".join(ids), f"nothing that depends on {what} {name!r}") for kind, ids in found.items() if ids]
    if faults:
        listed = "; ".join(f"{fault.field} {fault.value}" for fault in faults)
        raise ProblemError(HTTPStatus.CONFLICT, f"{what} {name!r} cannot be deleted, these depend on it: {listed}", faults)

"""Examples for the API's description: what is typical by name, the rest worked out of the schemas. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
TIME, TIME_US = "2026-05-01T08:00:00Z", 1_777_622_400_000_000
SECRET = "Zk2qXb3i5oG1t0rVn8LwYcP4sDfHjKe7uAmQxT9EvB0"  # noqa: S105 - nobody's
PLACE = {"latitude_deg": 29.5332, "longitude_deg": 106.503}

SQUARE = {"type": "Polygon", "coordinates": [[[106.5, 29.53], [106.51, 29.53], [106.51, 29.54], [106.5, 29.53]]]}

VERDICT: Document = {
    "format": "chelu.scenario.verdict/1",
    "header": {
        "scenario": "standing-vehicle",
        "title": "A vehicle stands ahead",
        "mode": "loop",
        "began": TIME,
        "under_test": "ego",
    },
    "verdict": "pass",
    "requirements": [{"title": "warned in time", "metric": "warning", "unit": "s", "of": ["ego", "ahead"], "clause": ""}],
    "each": [
        {
            "run": 0,
            "verdict": "pass",
            "parameters": {"speed_kmh": 54.0},
            "requirements": [{"verdict": "pass", "value": 1.82, "limit": 2.3, "margin": 0.48, "at_s": 1.82}],
        }
    ],
}
# By the schema's name: what somebody would really send or get. Sent ones are tried in the tests.
MODELS: Mapping[str, Document] = {
    "Login": {"user_name": "wang", "password": "correct horse battery"},
    "PasswordChange": {"old": "correct horse battery", "new": "another long password"},
    "NewOrganisation": {"organisation_id": "crew", "role": "vehicle team", "name": "Crew of the hill"},
    "OrganisationChange": {"contact": "crew@hillside.example"},
    "NewSite": {"site_id": "hillside", **PLACE, "elevation_m": 245.0, "name": "Hillside", "time_zone": "Asia/Shanghai"},
    "SiteChange": {"name": "Hillside north"},
    "NewDevice": {"device_id": "rsu-1", "kind": "rsu", "site_id": "hillside", **PLACE, "labels": {"bay": "3"}},
    "DeviceChange": {"serial": "R0017", "heading_deg": 90.0},
    "Step": {"to": "commissioned", "note": "accepted by the operator"},
    "NewRotation": {"by": "hand"},
    "NewProvisioningKey": {"name": "crew-key", "site_id": "hillside", "max_joins": 20},
    "Joining": {"device_id": "rsu-2", "kind": "rsu"},
    "NewThreshold": {"kind": "rate-low", "site": "hillside", "bound": 0.5, "raise_after_s": 30.0},
    "NewMaintenance": {
        "site": "hillside",
        "device": "rsu-1",
        "reason": "new antenna",
        "starts": "2036-01-01T08:00:00+08:00",
        "ends": "2036-01-01T10:00:00+08:00",
    },
    "NewWebhook": {"name": "desk", "url": "https://desk.example/alarms", "site": "hillside", "least": "major"},
    "WebhookChange": {"is_enabled": False},
    "Remark": {"comment": "a crew is on its way"},
    "NewCase": {
        "kind": "accident",
        "text": "two cars, right lane",
        "place": {**PLACE, "elevation_m": 245.0},
        "severity": "major",
        "duty": "road crew 2",
    },
    "CitizenReport": {"kind": "jam", "text": "nothing moves before the gate", "place": PLACE, "reference": "12345-20260501-0017"},
    "CaseChange": {"state": "resolved", "comment": "the lane is free"},
    "Decision": {"comment": "the tow truck needs the lane"},
    "NewRule": {
        "name": "warn of what stands on the road",
        "when": {"kinds": ["obstruction"], "least": "major"},
        "then": [{"do": "road_event", "code": 101, "text": "obstacle ahead"}],
        "runs_by_itself": False,
        "limits": {"per_hour": 4, "at_once": 2},
    },
    "ParameterChanges": {"values": {"fcw": {"warn_mps2": 4.2}}, "note": "trials with heavy trucks until May"},
    "ProfileFields": {"heartbeat_s": 10.0, "rates_hz": {"bsm": 10.0, "spat": 10.0}},
    "NewUser": {"user_name": "wang", "full_name": "Wang Fang", "roles": [{"site": "hillside", "role": "operator"}]},
    "UserChange": {"is_active": True, "roles": [{"site": None, "role": "viewer"}]},
    "NewKey": {"name": "ci", "owner": "wang", "scopes": ["register:read"], "expires": "2036-01-01T00:00:00+08:00"},
    "Authentication": {"username": "rsu-1", "clientid": "rsu-1", "password": SECRET},
    "Authorisation": {"username": "rsu-1", "clientid": "rsu-1", "topic": "rsu/rsu-1/bsm/up", "action": "publish"},
    "Selection": {"site": "hillside", "kind": "rsu", "labels": {"bay": "3"}},
    "Configuring": {"selection": {"devices": ["rsu-1"]}, "change": {"heartbeat_s": 5}},
    "NewCampaign": {
        "campaign_id": "spring",
        "selection": {"site": "hillside"},
        "change": {"heartbeat_s": 5},
        "waves": [0.1, 1.0],
    },
    "Telling": {
        "selection": {"devices": ["rscu-1"]},
        "about": "event",
        "document": {"eventList": [{"eventType": 904, "longitude": 106.57, "latitude": 29.53}]},
    },
    "Commanding": {"selection": {"devices": ["rsu-1"]}, "command": "log_level", "parameters": {"level": "DEBUG"}},
    "NewArea": {"area_id": "oval", "name": "The oval", "polygon": SQUARE},
    "AreaChange": {"name": "The north oval"},
    "NewBooking": {"area_id": "oval", "team": "crew", "starts": "2036-05-01T08:00:00+08:00", "ends": "2036-05-01T12:00:00+08:00"},
    "NewPermit": {
        "vehicle": "car-1",
        "area_id": "oval",
        "starts": "2036-05-01T08:00:00+08:00",
        "ends": "2036-05-01T12:00:00+08:00",
        "max_speed_mps": 16.7,
        "modes": ["manual", "automated"],
    },
    "NewRoadEvent": {
        "code": 407,
        "text": "water on the right lane",
        "place": PLACE,
        "path": [{"latitude_deg": 29.5322, "longitude_deg": 106.503}, PLACE],
        "valid_until": "2036-05-01T12:00:00+08:00",
        "units": ["rsu-1"],
    },
    "Renewal": {"valid_until": "2036-05-01T18:00:00+08:00"},
    "Activation": {"valid_until": "2036-05-01T18:00:00+08:00"},
    "Pushing": {"units": ["rsu-1"]},
    "Press": {"reason": "a person on the oval"},
    "Release": {"note": "the oval is clear"},
    "Mark": {"vehicle": "car-1", "reason": "hard braking at the gate"},
    "NewRun": {"build": "firmware 2.1", "evidence": "https://ci.example/1234", "document": VERDICT},
    "Document": VERDICT,
    "Wanted": {"scenario": "cut-in", "set": {"gap_m": "10,30"}, "design": "grid", "build": "firmware 2.1"},
    "Rows": {"rows": [{"time_us": TIME_US, "device_id": "rsu-1"}], "next": TIME_US},
    "Polygon": SQUARE,
    "Keeping": {"keep_hours": 720},
    "Zone": {"reason": "a depot", "polygon": SQUARE},
    "WantedArea": {"around": {**PLACE, "radius_m": 300.0}},
    "NewExport": {
        "streams": ["bsm"],
        "area": {"around": {**PLACE, "radius_m": 300.0}},
        "from_us": TIME_US,
        "to_us": TIME_US + 600_000_000,
        "format": "parquet",
        "recipient": "crew",
        "purpose": "tuning of the brake controller",
    },
}
# By the field's name, where its type admits it.
NAMES: Mapping[str, object] = {
    "site": "hillside",
    "site_id": "hillside",
    "device": ["obu-1"],
    "device_id": "rsu-1",
    "device_ids": ["rsu-1"],
    "organisation_id": "crew",
    "team": "crew",
    "user_name": "wang",
    "owner": "wang",
    "actor": "wang",
    "user": "wang",
    "name": "ci",
    "subject": "rsu-1",
    "serial": "R0017",
    "q": "north gate",
    "label": ["bay=3"],
    "subtype": "camera",
    "vin": "1M8GDM9AXKP042788",
    "vehicle_id": "00000000000003e9",
    "if-match": '"3"',
    "if-none-match": '"1"',
    "password": SECRET,
    "secret": SECRET,
    "token": SECRET,
    "key": SECRET,
    "time_zone": "Asia/Shanghai",
    "from_us": TIME_US,
    "to_us": TIME_US + 60_000_000,
    "what": "device",
    "action": "update",
    "version": 3,
    "made": TIME,
    "chelu": "0.1.0",
    **PLACE,
    "elevation_m": 245.0,
    "stream": "bsm",
    "area_id": "oval",
    "area": "oval",
    "month": "2026-05",
    "vehicle": "car-1",
    "quantity": "air_temperature",
    "monitor": "spat-rate",
    "rule_id": "warn",
}
CSV = "device_id,kind,site_id,latitude_deg,longitude_deg\nrsu-3,rsu,hillside,29.534,106.504\n"
POINT = {"type": "Point", "coordinates": [106.504, 29.534, 251.0]}
FEATURE = {"type": "Feature", "geometry": POINT, "properties": {"device_id": "rsu-4", "kind": "rsu", "site_id": "hillside"}}
GEOJSON = {"type": "FeatureCollection", "features": [FEATURE]}
LINE = (
    '{"device_id": "obu-1", "time_us": 1777622400000000, "latitude_deg": 29.5332, "longitude_deg": 106.503, "speed_mps": 12.3}\n'
)
FILES: Mapping[str, object] = {
    "text/csv": CSV,
    "application/geo+json": GEOJSON,
    "application/x-ndjson": LINE,
    "application/vnd.chelu.columns": "(columns, see docs/formats/columns.md)",
    "application/gzip": "(a SUMO network, packed with gzip)",
    "application/octet-stream": "(the file's bytes)",
    "application/vnd.apache.parquet": "(a Parquet file)",
    "application/x-mcap": "(an MCAP file)",
    "application/zip": "(files of SUMO)",
    "text/plain": "(a frame in hexadecimal a line)",
    "application/x-tar": "(what chelu backup wrote)",
}
DEEPEST = 8


def example(schema: Document, schemas: Mapping[str, Document], name: str = "", depth: int = 0) -> Any:
    """A value that the schema admits, and that looks like one."""
    if reference := schema.get("$ref"):
        model = reference.rpartition("/")[2]
        return MODELS[model] if model in MODELS else example(schemas[model], schemas, name, depth + 1)
    if name in NAMES and _admits(schema, NAMES[name]):
        return NAMES[name]
    named = [*schema.get("examples", ()), *([schema["const"]] if "const" in schema else ()), *schema.get("enum", ())]
    if named or schema.get("default") is not None:
        return (*named, schema.get("default"))[0]
    choices = [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
    if choices:
        return example(next((each for each in choices if each.get("type") != "null"), choices[0]), schemas, name, depth + 1)
    return _by_type(schema, schemas, depth)


def _by_type(schema: Document, schemas: Mapping[str, Document], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, schemas, depth)
    if kind == "array":
        deepest = 2 * DEEPEST if schema.get("minItems") else DEEPEST
        return [example(schema.get("items", {}), schemas, "", depth + 1)] if depth < deepest else []
    if kind == "string":
        return TIME if schema.get("format") == "date-time" else "x" * max(1, schema.get("minLength", 1))
    if kind in {"integer", "number"}:
        return max(1, schema.get("minimum", 1))
    return True if kind == "boolean" else None


def _object(schema: Document, schemas: Mapping[str, Document], depth: int) -> Document:
    fields = {name: example(each, schemas, name, depth + 1) for name, each in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and not fields:
        key = example(schema.get("propertyNames", {}), schemas, "", depth + 1)
        return {key if isinstance(key, str) else "bsm": example(more, schemas, "", depth + 1)}
    return fields


def _admits(schema: Document, value: object) -> bool:
    """Whether the schema, or one of its choices, is of the value's type and has no list of its own."""
    choices = [schema, *schema.get("anyOf", ())]
    kinds = {"string": str, "integer": int, "number": int | float, "array": list, "object": dict}
    return any(
        "enum" not in each and each.get("type") in kinds and isinstance(value, kinds[each["type"]]) and _fits(each, value)
        for each in choices
    )


def _fits(schema: Document, value: object) -> bool:
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)) and not schema.get("format")
    return not (isinstance(value, list) and schema.get("items", {}).get("$ref"))

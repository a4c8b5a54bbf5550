"""The messages of cooperation as a page and as JSON schemas: docs/formats/coop.md and `chelu/coop/schemas/`.

Written anew with ``python -m chelu.coop.page``, run where the repository lies; a test sees that they are current.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chelu.coop.catalogue import APPLICATIONS, Direction, schema, type_of
from chelu.coop.examples import EXAMPLES

SCHEMAS = Path(__file__).parent / "schemas"
HEAD = """# Cooperation (phase II)

What vehicles (`obu/{id}/coop/up`) and roadside units (`rsu/{id}/coop/up`) ask of each other and of the platform, and what they
are answered (`…/coop/down`): the twelve applications of phase II (T/CSAE 157-2020), and phase I's near-field payment. That
standard's messages are not public as a whole, so these are ours: JSON, in SI units, a message a document. This page and the JSON
schemas in `chelu/coop/schemas/` (2020-12, one file a message, part of the package) are derived from `chelu/coop`: change that,
and run `python -m chelu.coop.page`. Who answers, when and why not: [the applications](../applications/coop.md).

Every message has `type`, `seqNum` (the sender's number for it, with which answers name it) and `time_us` (µs UTC). Answers have
`answers`, a `decision` (granted, delayed, refused) and, when delayed, `wait_s`. Numbers are never written as texts; unknown
fields are refused.

Ingest holds what comes on `coop/up` against its `type`. A document that does not fit is counted as `out_of_range` and kept as a
dead letter with a sentence that names the field, the value and what is allowed, such as
`motion.speed_mps = 200.0 is not allowed: less than or equal to 164`. One that fits is a row of `stream.report`, stream `coop`
(`/api/reports`). Who publishes on `coop/down` checks with `chelu.coop.catalogue.check(document, Direction.DOWN)`.
`chelu fuzz coop` checks a million damaged ones.

"""


def page() -> str:
    """The page in Markdown."""
    return HEAD + "\n".join(_pieces()).rstrip() + "\n"


def schema_text(name: str) -> str:
    """A schema as its file has it."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def _pieces() -> Iterator[str]:
    for application in APPLICATIONS:
        yield f"## {application.title} ({application.standard})\n"
        for model, direction in application.messages:
            name = type_of(model)
            yield f"### `{name}` · {_said_on(direction)}\n"
            yield f"{model.__doc__}\n"
            yield from _table(schema(name))
            yield f"\n```json\n{json.dumps(EXAMPLES[name], ensure_ascii=False)}\n```\n"
    yield "## Parts\n"
    yield from _parts()


def _said_on(direction: Direction) -> str:
    return "`coop/up`, `coop/down`" if direction is Direction.BOTH else f"`coop/{direction}`"


def _table(document: Mapping[str, Any]) -> Iterator[str]:
    yield "| field | what |"
    yield "|---|---|"
    required = set(document.get("required", ()))
    for name, field in document["properties"].items():
        if name not in {"type", "seqNum", "time_us"}:
            yield f"| `{name}`{'' if name in required else ' (optional)'} | {_what(field)} |"


def _parts() -> Iterator[str]:
    found: dict[str, Mapping[str, Any]] = {}
    for application in APPLICATIONS:
        for model, _ in application.messages:
            found |= schema(type_of(model)).get("$defs", {})
    for name, document in sorted(found.items()):
        yield f"### {name}\n"
        yield f"{document['description']}\n"
        yield from _table(document)
        yield ""


def _what(field: Mapping[str, Any]) -> str:
    """A field's schema in words."""
    text = "; ".join(filter(None, (_kind(field), field.get("description"), _default(field))))
    return text.replace("|", "\\|")


def _kind(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return ", ".join(_what(one) for one in field["anyOf"] if one.get("type") != "null")
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if field["type"] == "array":
        return f"list of {field.get('minItems', 0)}..{field['maxItems']}: {_what(field['items'])}"
    return f"{field['type']}{_bounds(field)}"


def _bounds(field: Mapping[str, Any]) -> str:
    low, high = (_bound(field, *names) for names in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")))
    length = f", at most {field['maxLength']} characters" if "maxLength" in field else ""
    return (f" {low} … {high}" if low or high else "") + length


def _bound(field: Mapping[str, Any], name: str, exclusive: str) -> str:
    if name in field:
        return f"{field[name]:g}" if isinstance(field[name], float) else str(field[name])
    return f"({field[exclusive]:g} left out)" if exclusive in field else ""


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return "" if value is None else f"else {json.dumps(value)}"


def main() -> None:
    """Write page and schemas."""
    SCHEMAS.mkdir(exist_ok=True)
    for name in EXAMPLES:
        (SCHEMAS / f"{name}.json").write_text(schema_text(name), encoding="utf-8")
    (Path(__file__).parents[2] / "docs" / "formats" / "coop.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

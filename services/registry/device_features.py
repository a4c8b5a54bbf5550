"""The features of a GeoJSON text, each with the line on which it begins. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from chelu.codec.documents import named_twice
from services.registry.problems import Fault, shown

FEATURES = re.compile(r'"features"\s*:\s*\[')
SPACE = re.compile(r"[\s,]*")


def read_features(text: str) -> tuple[list[tuple[int, Any]], list[Fault]]:
    """(line, feature) of a FeatureCollection, and what is wrong when it is none."""
    try:
        document = json.loads(text, parse_constant=_refuse, object_pairs_hook=each_once)
    except json.JSONDecodeError as error:
        return [], [Fault("(document)", f"character {error.pos}", f"JSON ({error.msg})", error.lineno)]
    except (ValueError, RecursionError) as error:
        return [], [Fault("(document)", str(error)[:80], "JSON (RFC 8259)", 1)]
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection" or not isinstance(features, list):
        kind = document.get("type") if isinstance(document, dict) else document
        return [], [Fault("(document)", shown(kind), "a FeatureCollection with features", 1)]
    lines = _lines(text, len(features))
    return list(zip(lines, features, strict=True)), []


def _lines(text: str, count: int) -> list[int]:
    """The line of each feature; 1 for all when the features cannot be told from something of the same name."""
    for match in FEATURES.finditer(text):
        lines = list(_lines_from(text, match.end()))
        if len(lines) == count:
            return lines
    return [1] * count


def _lines_from(text: str, position: int) -> Iterator[int]:
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    while True:
        position = _end_of_space(text, position)
        if text[position : position + 1] in {"]", ""}:
            return
        line, counted = line + text.count("\n", counted, position), position
        yield line
        try:
            _, position = decoder.raw_decode(text, position)
        except ValueError:
            return


def _end_of_space(text: str, position: int) -> int:
    match = SPACE.match(text, position)
    return match.end() if match else position


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError when it says something twice, of which the last would count."""
    if (twice := named_twice(pairs)) is not None:
        raise ValueError(f"{twice[0]!r} comes twice in one object")
    return dict(pairs)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")

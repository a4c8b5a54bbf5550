"""`chelu decode` and `chelu encode`: exact inverses, and one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from typer.testing import CliRunner

from chelu.codec import cv2x
from chelu.codec.cli import register
from chelu.codec.cv2x_spec import slow_encode
from chelu.errors import CheluError, OutOfRangeError
from tests.unit.codec.support import cases, messages


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(messages())
def test_json_of_any_message_encodes_to_the_same_bytes(value: tuple[str, Any]) -> None:
    frame = slow_encode(value)
    document = json.loads(json.dumps(cv2x.to_json(frame)))
    assert cv2x.from_json(document) == frame


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_cases_decode_to_their_json_and_back(case: Path) -> None:
    frame = bytes.fromhex((case / "frame.hex").read_text(encoding="ascii"))
    document = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    assert cv2x.to_json(frame) == document
    assert cv2x.from_json(document) == frame


def application() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def test_encode_prints_what_decode_was_given() -> None:
    text = (cases()[0] / "frame.hex").read_text(encoding="ascii").strip()
    shown = CliRunner().invoke(application(), ["decode", "--hex", text])
    assert CliRunner().invoke(application(), ["encode"], input=shown.stdout).stdout.strip() == text


def test_decode_reads_files_of_bytes_and_of_digits(tmp_path: Path) -> None:
    text = (cases()[0] / "frame.hex").read_text(encoding="ascii")
    (tmp_path / "text").write_text(text, encoding="ascii")
    (tmp_path / "bytes").write_bytes(bytes.fromhex(text))
    shown = [CliRunner().invoke(application(), ["decode", "--file", str(tmp_path / name)]).stdout for name in ("text", "bytes")]
    assert shown[0] == shown[1] != ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"speed_mps": 200}, "speed_mps = 200 is outside 0.0 … 163.8$"),
        ({"speed_mps": float("nan")}, "speed_mps = nan is outside 0.0 … 163.8"),
        ({"speed_mps": float("inf")}, "speed_mps = inf is outside"),
        ({"speed_mps": 10**400}, "speed_mps = 1000"),
        ({"speed_mps": True}, "speed_mps = True is outside"),
        ({"heading_deg": 360}, "heading_deg = 360 is outside 0.0 … 359.9875"),
        ({"message_count": 1.5}, "message_count = 1.5 is outside 0 … 127"),
        ({"message_count": float("nan")}, "message_count = nan is outside 0 … 127"),
        ({"message": ["bsm"]}, r"message = \['bsm'\] is not allowed: one of bsm"),
        ({"transmission": {"a": 1}}, "transmission = {'a': 1} is not allowed: one of neutral"),
        ({"brakes": {"wheel_brakes": [["x"]]}}, "brakes.wheel_brakes = "),
        ({"brakes": {"abs": ["on"]}}, "brakes.abs = "),
        ({"speed_mps": "fast"}, "speed_mps = 'fast' is outside"),
        ({"sped": 1}, "sped = 1 is not allowed: there is no such field"),
        ({"message": "cam"}, "message = 'cam' is not allowed: one of bsm"),
        ({"vehicle_id": "12"}, r"vehicle_id \(bytes\) = 1 is outside 8 … 8"),
        ({"transmission": "flying"}, "transmission = 'flying' is not allowed: one of neutral"),
        ({"message_count": 128}, "message_count = 128 is outside 0 … 127"),
        ({"position": None}, "position = None is not allowed: a JSON object"),
    ],
)
def test_bad_json_names_the_field_the_value_and_the_bound(change: dict[str, Any], sentence: str) -> None:
    case = next(case for case in cases() if case.name.startswith("bsm"))
    document = json.loads((case / "expected.json").read_text(encoding="utf-8")) | change
    with pytest.raises(OutOfRangeError, match=sentence):
        cv2x.from_json(document)


@pytest.mark.parametrize(
    "text", ['{"message": "bsm", "speed_mps": 1, "speed_mps": 2}', '{"message": "bsm", "a": {"b": 1, "b": 1}}']
)
def test_a_key_given_twice_is_refused(text: str) -> None:
    result = CliRunner().invoke(application(), ["encode"], input=text)
    assert isinstance(result.exception, OutOfRangeError)
    assert "one value" in str(result.exception)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\\x00", "NaN", "[]", b"\xff\xfe{"])
def test_what_is_no_document_is_refused_in_a_sentence(text: str | bytes) -> None:
    result = CliRunner().invoke(application(), ["encode"], input=text)
    assert isinstance(result.exception, CheluError)


@pytest.mark.parametrize("arguments", [[], ["--hex", "zz"], ["--file", "nowhere"], ["--hex", "00"]])
def test_decode_says_in_a_sentence_what_is_wrong(arguments: list[str]) -> None:
    result = CliRunner().invoke(application(), ["decode", *arguments])
    assert isinstance(result.exception, CheluError)

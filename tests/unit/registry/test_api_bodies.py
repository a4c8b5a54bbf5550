"""What the client sends as JSON, and what it refuses to send."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.api_bodies import encoded
from chelu.errors import ConfigurationError


def test_a_body_is_utf_8_without_blanks() -> None:
    assert encoded({"text": "路面积水", "at": [1, 2.5, None]}) == '{"text":"路面积水","at":[1,2.5,null]}'.encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"place": {"latitude_deg": float("nan")}}, "place.latitude_deg = nan is not allowed: a finite number"),
        ({"path": [{"x": 1.0}, {"x": float("-inf")}]}, r"path\[1\].x = -inf is not allowed: a finite number"),
        ({"text": b"a\xff".decode(errors="surrogateescape")}, r"text = b'a\\xff' is not allowed: text in UTF-8"),
        ({"labels": {b"\xff".decode(errors="surrogateescape"): 1}}, r"labels = b'\\xff' is not allowed: text in UTF-8"),
        (float("inf"), "the request = inf is not allowed: a finite number"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_its_field(body: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        encoded(body)

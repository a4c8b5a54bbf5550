"""What is allowed where a value is not, in plain words: the checker speaks of inputs, tuples and instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chelu.errors import plainly

_PREFIX = "Input should be "
_WORDS: Mapping[str, str] = {
    "greater_than": "above {gt:,.12g}",
    "greater_than_equal": "at least {ge:,.12g}",
    "less_than": "below {lt:,.12g}",
    "less_than_equal": "at most {le:,.12g}",
    "too_short": "at least {min_length} of them, and not {actual_length}",
    "too_long": "at most {max_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "keys with their values"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text",
}


def allowed(error: Mapping[str, Any]) -> str:
    """Of one of pydantic's errors."""
    words = _WORDS.get(str(error["type"]))
    return plainly(str(error["msg"])).removeprefix(_PREFIX) if words is None else words.format(**error.get("ctx", {}))

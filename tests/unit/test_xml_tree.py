from __future__ import annotations

import pytest

from chelu.xml_tree import MAX_DEPTH, ElementError, parse

BOMB = b"""<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><lolz>&b;</lolz>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>"""


@pytest.mark.parametrize("harmful", [BOMB, OUTSIDE])
def test_a_document_type_is_refused_before_anything_is_made_of_it(harmful: bytes) -> None:
    with pytest.raises(ElementError, match="document type declaration"):
        parse(harmful, "bad.xml")


def test_what_is_too_deep_or_too_long_is_refused() -> None:
    deep = b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1)
    with pytest.raises(ElementError, match="nested deeper"):
        parse(deep, "deep.xml")
    with pytest.raises(ElementError, match="at most 10 are read"):
        parse(b"<a>          </a>", "long.xml", max_bytes=10)


@pytest.mark.parametrize(
    "text", [b"", b"<a>", b"<a></b>", b"\xff\xfe\x00", b"plain", b'<?xml version="1.0" encoding="klingon"?><a/>']
)
def test_what_is_no_xml_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ElementError, match=r"f\.xml:\d+: "):
        parse(text, "f.xml")


def test_elements_know_their_line_path_and_text() -> None:
    root = parse(b"<a>\n<b x='1'/>\n<b x='2.5'> said <c/></b></a>", "f.xml", root="a")
    second = root.all("b")[1]
    assert (second.line, second.path, second.text) == (3, "/a/b[2]", "said")
    assert (root.all("b")[0].integer("x"), second.number("x"), second.number("y", 7.0)) == (1, 2.5, 7.0)
    assert [one.tag for one in root.walk()] == ["a", "b", "b", "c"]
    with pytest.raises(ElementError, match=r"f\.xml:3: /a/b\[2\]: x = '2.5': a whole number"):
        second.integer("x")
    with pytest.raises(ElementError, match="one <b> is wanted, there are 2"):
        root.only("b")

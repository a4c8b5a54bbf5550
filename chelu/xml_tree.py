"""XML that may come from anybody, as elements that know their line and their path.

A document type declaration is refused, so there are no entities to blow a small file up and nothing is fetched from anywhere;
size and depth are bounded. Attributes are read as what they must be, and who asks for what is not there gets an error with file,
line and element.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import overload
from xml.parsers import expat

from chelu.errors import MalformedError

MAX_BYTES = 256 << 20
MAX_DEPTH = 256


class ElementError(MalformedError):
    """What is wrong with one element; `line` is 1 for the file's first."""

    def __init__(self, file: str, line: int, path: str, problem: str) -> None:
        self.file, self.line, self.path, self.problem = file, line, path, problem
        super().__init__("undecodable", f"{file}:{line}: {path}: {problem}" if path else f"{file}:{line}: {problem}")


@dataclass(slots=True, eq=False)
class Element:
    """A tag with its attributes and children; text is what stands directly in it, without blanks around it."""

    tag: str
    attributes: dict[str, str]
    line: int
    file: str
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def path(self) -> str:
        """As XPath: `/OpenDRIVE/road[2]/planView`; numbered where there are several of a name."""
        before = self.parent.path if self.parent is not None else ""
        alike = self.parent.all(self.tag) if self.parent is not None else [self]
        return f"{before}/{self.tag}" + (f"[{alike.index(self) + 1}]" if len(alike) > 1 else "")

    def wrong(self, problem: str) -> ElementError:
        """An error about this element, to be raised."""
        return ElementError(self.file, self.line, self.path, problem)

    def all(self, tag: str) -> list[Element]:
        """Every child of this name."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Element | None:
        """The first child of this name, if there is one."""
        return next((child for child in self.children if child.tag == tag), None)

    def only(self, tag: str) -> Element:
        """The child of this name, of which there must be one."""
        found = self.all(tag)
        if len(found) != 1:
            raise self.wrong(f"one <{tag}> is wanted, there are {len(found)}")
        return found[0]

    def below(self, *tags: str) -> list[Element]:
        """Children of children … along these names."""
        found = [self]
        for tag in tags:
            found = [child for one in found for child in one.all(tag)]
        return found

    def walk(self) -> Iterator[Element]:
        """The element and all in it, in the file's order."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            yield one
            waiting.extend(reversed(one.children))

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """An attribute as text."""
        return self.attributes.get(name, default)

    def needed(self, name: str) -> str:
        """An attribute that must be there."""
        value = self.attributes.get(name)
        if value is None:
            raise self.wrong(f"the attribute {name} is missing")
        return value

    def number(self, name: str, default: float | None = None, *, low: float = -math.inf) -> float:
        """An attribute as a finite number, not below `low`."""
        if default is not None and name not in self.attributes:
            return default
        text = self.needed(name)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= low):
            raise self.wrong(f"{name} = {text[:40]!r}: a finite number" + (f" of at least {low:g}" if low > -math.inf else ""))
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """An attribute as a whole number of 32 bits."""
        value = float(self.number(name, default))
        if not value.is_integer() or not -(2**31) <= value < 2**31:
            raise self.wrong(f"{name} = {self.attributes[name][:40]!r}: a whole number of 32 bits")
        return int(value)


def parse(data: bytes, file: str, *, root: str | None = None, max_bytes: int = MAX_BYTES) -> Element:
    """The root element of a document; `file` is what errors call it. Raises ElementError, also when the root is another."""
    if len(data) > max_bytes:
        raise ElementError(file, 1, "", f"{len(data)} bytes of XML, at most {max_bytes} are read")
    builder = _Builder(file)
    try:
        builder.parser.Parse(data, True)  # noqa: FBT003 - expat's own
    except expat.ExpatError as error:
        raise ElementError(file, error.lineno, "", f"not XML: {expat.ErrorString(error.code)}") from None
    except (LookupError, ValueError) as error:
        raise ElementError(file, 1, "", f"not XML: {error}") from None
    found = builder.root
    if found is None:
        raise ElementError(file, 1, "", "there is no element")
    if root is not None and found.tag != root:
        raise ElementError(file, found.line, f"/{found.tag}", f"the root element must be <{root}>")
    return found


class _Builder:
    """What expat calls."""

    def __init__(self, file: str) -> None:
        self.root: Element | None = None
        self._file, self._open = file, list[Element]()
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _doctype(self, name: str, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise ElementError(self._file, line, "", f"a document type declaration ({name}) is not allowed")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else None
        one = Element(tag, attributes, self.parser.CurrentLineNumber, self._file, parent)
        if parent is None:
            self.root = one
        else:
            parent.children.append(one)
        self._open.append(one)
        if len(self._open) > MAX_DEPTH:
            raise one.wrong(f"nested deeper than {MAX_DEPTH} elements")

    def _end(self, _tag: str) -> None:
        one = self._open.pop()
        one.text = one.text.strip()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

"""From a YAML file to a description; whatever is wrong is named with its file, line, key, value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from chelu.errors import CheluError
from simulators.scenario.allowed import allowed
from simulators.scenario.bounded import bytes_of
from simulators.scenario.cases import Cases, default_case
from simulators.scenario.checking import problems_of
from simulators.scenario.description import IDENTIFIER, Description
from simulators.scenario.mapped.laying import laid
from simulators.scenario.parts import NAME
from simulators.scenario.possible import problems_of_cases

LARGEST_BYTES = 1 << 20
LONGEST_VALUE = 60
MOST_VALUES = 1 << 20  # more than a file of that size can spell out: only aliases of aliases come to more
PATTERNS = {
    NAME: "a small letter, then at most 39 small letters, digits and underscores",
    IDENTIFIER: "a small letter, then at most 63 small letters, digits and hyphens",
}
Path_ = tuple[str | int, ...]
Place = tuple[Path_, int, bool]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. line: 1 is the file's first; key: from the outermost, as `actors.ego.start.lane`."""

    line: int
    key: str
    value: str
    allowed: str

    def sentence(self, file: str) -> str:
        """For a person."""
        value = f" = {self.value}" if self.value else ""
        return f"{file}:{self.line}: {self.key}{value}: {self.allowed}" if self.key else f"{file}:{self.line}: {self.allowed}"


class ScenarioError(CheluError):
    """A description that is none; `problems` has all that is wrong with it."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, problems
        super().__init__("\n".join(problem.sentence(file) for problem in problems))


def read_file(path: Path) -> Description:
    """The description in a file. ScenarioError, also for a file that cannot be read."""
    return read_text(text_of(path), str(path), path.parent)


def text_of(path: Path) -> str:
    """What stands in a file; ScenarioError for one that cannot be read, or is too large for a scenario."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ScenarioError(str(path), [Problem(1, "", "", f"a scenario of at most {LARGEST_BYTES >> 20} MiB")])
        return bytes_of(path).decode("utf-8")
    except OSError as error:
        raise ScenarioError(str(path), [Problem(1, "", "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(str(path), [Problem(1, "", "", f"not UTF-8 at byte {error.start}")]) from error


def read_text(text: str, file: str, directory: Path = Path()) -> Description:
    """The description in a text; `file` is what errors call it, `directory` where the files are that it names.

    Its default case is one that can be run.
    """
    unlaid = checked(text, file, Description, lambda _: ())
    description, problems = laid(unlaid, directory)
    refuse(text, file, problems or problems_of(description))
    refuse_impossible(text, file, description, default_case(description))
    return description


def refuse_impossible(text: str, file: str, description: Description, cases: Cases) -> None:
    """ScenarioError when any of these cases of the description in a text cannot be."""
    refuse(text, file, problems_of_cases(description, cases))


def checked(text: str, file: str, what: type[Model], problems: Callable[[Model], Iterable[tuple[Path_, str]]]) -> Model:
    """A document of some kind: its parts, each by itself and all to one another, are what they must be. ScenarioError."""
    data, lines = _loaded(text, file)
    try:
        found = what.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(file, [_problem(one, data, lines) for one in _causes(error.errors())]) from error
    refuse(text, file, problems(found))
    return found


def refuse(text: str, file: str, problems: Iterable[tuple[Path_, str]]) -> None:
    """ScenarioError with the lines of these problems, if there are any: where in the document, and what is allowed there."""
    if found := list(problems):
        data, lines = _loaded(text, file)
        told = [Problem(_line(key, lines), _dotted(key), _shown(_value_at(data, key)), allowed) for key, allowed in found]
        raise ScenarioError(file, told)


def _loaded(text: str, file: str) -> tuple[Any, Mapping[Path_, int]]:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ScenarioError(file, [Problem(1, "", "", "the file is empty")])
        lines, twice = dict[Path_, int](), list[Problem]()
        for path, line, is_new in _not_too_many(_places(node, ()), file):
            if not is_new:
                twice.append(Problem(line, _dotted(path), "", f"stands there twice: first in line {lines[path]}"))
            lines.setdefault(path, line)
        if twice:
            raise ScenarioError(file, twice)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(file, [Problem(line, "", "", f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise ScenarioError(file, [Problem(1, "", "", f"not YAML: {error}")]) from error
    except RecursionError as error:
        raise ScenarioError(file, [Problem(1, "", "", "nested too deeply")]) from error


def _not_too_many(places: Iterator[Place], file: str) -> Iterator[Place]:
    """They, as long as there are no more than can be gone through; each alias counts with all that it stands for."""
    for count, place in enumerate(places):
        if count >= MOST_VALUES:
            raise ScenarioError(file, [Problem(place[1], "", "", f"its aliases stand for more than {MOST_VALUES:,} values")])
        yield place


def _places(node: yaml.Node, path: Path_, seen: frozenset[int] = frozenset()) -> Iterator[Place]:
    """Path, line and whether it is the first of its name, of a node and all in it; an alias inside itself is left alone."""
    yield path, node.start_mark.line + 1, True
    if id(node) in seen:
        return
    seen |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, (*path, index), seen)
    elif isinstance(node, yaml.MappingNode):
        names = set[str]()
        for key, value in node.value:
            name = str(key.value)
            for place, line, is_new in _places(value, (*path, name), seen):
                is_key = place == (*path, name)
                yield place, key.start_mark.line + 1 if is_key else line, is_new and not (is_key and name in names)
            names.add(name)


def _causes(errors: Sequence[Any]) -> list[Any]:
    """Without those that say no more than that something in them is wrong."""
    places = [tuple(one["loc"]) for one in errors]
    return [
        one
        for one, place in zip(errors, places, strict=True)
        if one["type"] != "too_short" or not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def _problem(error: Any, data: Any, lines: Mapping[Path_, int]) -> Problem:
    path = _own_path(tuple(error["loc"]), data)
    message = allowed(error)
    if error["type"] == "wrong":  # `simulators.scenario.parts.wrong`: of a whole mapping, one key is to blame
        path = (*path, error["ctx"]["key"])
    elif error["type"] == "extra_forbidden":
        message = "there is no such key here"
    elif error["type"] == "string_pattern_mismatch":
        message = PATTERNS.get(error["ctx"]["pattern"], message)
    elif error["type"] == "missing":
        return Problem(_line(path[:-1], lines), _dotted(path), "", "is missing")
    return Problem(_line(path, lines), _dotted(path), _shown(_value_at(data, path)), message)


def _own_path(path: Path_, data: Any) -> Path_:
    """Without what the checker puts in between (a union's branch), so that it names what stands in the file."""
    kept: list[str | int] = []
    for index, part in enumerate(path):
        if _has(data, part):
            kept.append(part)
            data = data[part]
        elif index == len(path) - 1 and isinstance(data, Mapping):
            kept.append(part)
    return tuple(kept)


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _line(path: Path_, lines: Mapping[Path_, int]) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _value_at(data: Any, path: Path_) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _shown(value: Any) -> str:
    if value is None or isinstance(value, Mapping | list):
        return ""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _dotted(path: Path_) -> str:
    return ".".join(str(part) for part in path)

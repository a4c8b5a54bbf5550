"""One OpenSCENARIO file with its OpenDRIVE as the text of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.reading import read as read_opendrive
from chelu.xml_tree import Element
from simulators.scenario.bounded import bytes_of
from simulators.scenario.description import Description
from simulators.scenario.openscenario.actions import Actions
from simulators.scenario.openscenario.beginning import Beginning
from simulators.scenario.openscenario.cast import Cast
from simulators.scenario.openscenario.catalogs import Catalogs, read_xml
from simulators.scenario.openscenario.conditions import Conditions
from simulators.scenario.openscenario.ending import end_of
from simulators.scenario.openscenario.numbers import Number
from simulators.scenario.openscenario.routing import Routing
from simulators.scenario.openscenario.scope import Names, Scope, constraints
from simulators.scenario.openscenario.spots import Roads
from simulators.scenario.openscenario.storyboard import Storyboard
from simulators.scenario.openscenario.things import things_of
from simulators.scenario.reading import read_text

REVISIONS = range(4)  # minor ones of revision 1
FRICTION = 1.2  # the file's motion is a script: what it says is reached
STEP_S = 0.02
_UNDER_TEST = ("ego", "host", "vut", "sut")


@dataclass(frozen=True, slots=True)
class Options:
    """driver: who drives what is under test once its controller is active. longest_s: a run, where the file sets no time.

    assigned: values of the file's parameters instead of its own; varied: ranges or choices of them. opened: road files that
    were read already, for those who import many scenarios on the same ones.
    """

    driver: str = "idm"
    longest_s: float = 60.0
    assigned: Mapping[str, str] = field(default_factory=dict)
    varied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    opened: dict[Path, OpenDrive] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """A scenario: its text, what that describes, which parameters were taken at their defaults, what was left out."""

    text: str
    description: Description
    fixed: frozenset[str]
    parameters: Mapping[str, str]
    notes: tuple[str, ...]


def imported(path: Path, options: Options) -> Imported:
    """The scenario in a file.

    Raises `chelu.xml_tree.ElementError` with file, line and XPath for what is not understood, ScenarioError for what makes no
    scenario, OSError for a file that cannot be read.
    """
    root = read_xml(path)
    header = root.only("FileHeader")
    if header.integer("revMajor") != 1 or header.integer("revMinor") not in REVISIONS:
        raise header.wrong(f"revision {header.get('revMajor')}.{header.get('revMinor')} is not understood: 1.0 to 1.3")
    if root.first("Storyboard") is None:
        raise root.wrong("no Storyboard: a catalogue or a variation is no scenario of its own")
    return _Import(root, path, options).done()


class _Import:
    def __init__(self, root: Element, path: Path, options: Options) -> None:
        self._root, self._path, self._options = root, path, options
        self._names: dict[str, str] = {}
        self._where: list[str] = []
        self.scope = self._parameters()
        self._catalogs = Catalogs(root, path.parent, self.scope)
        entities = root.only("Entities")
        self._cast = Cast(Roads(self._roads()), things_of(entities, self._catalogs, self.scope))

    def done(self) -> Imported:
        root, cast, scope = self._root, self._cast, self.scope
        storyboard = root.only("Storyboard")
        beginning = Beginning(cast, scope)
        beginning.read(storyboard)
        routing = Routing(cast, self._catalogs)
        beginning.look_for_routes(routing, storyboard)
        ending = storyboard.first("StopTrigger")
        longest = end_of(ending, scope, self._options.longest_s)
        cast.lay_ways(longest.after_s * beginning.fastest_mps() + 200.0, scope.fix)
        routing.check()
        actions = Actions(cast, self._catalogs, self._options.driver, routing.drawn)
        board = Storyboard(cast, actions, self._catalogs)
        for action, who in beginning.later:
            board.at_start(action, scope, who)
        board.read(storyboard, scope)
        conditions = Conditions(cast, board.state)
        described = self._described(board.manoeuvres(conditions), longest.described(conditions, scope), beginning.weather)
        notes = (*beginning.notes, *actions.notes)
        text = _text(described, notes, self._path.name)
        return Imported(text, read_text(text, f"{self._path} as imported"), frozenset(scope.fixed), self._names, notes)

    def _parameters(self) -> Scope:
        """Numbers stay expressions of the parameters that they hang on."""
        names, values = Names(), dict[str, str | Number]()
        scope = Scope(values)
        declarations = self._root.first("ParameterDeclarations")
        for one in declarations.all("ParameterDeclaration") if declarations is not None else ():
            name = one.needed("name").removeprefix("$")
            if name in self._options.assigned:
                one.attributes["value"] = self._options.assigned[name]
            given = scope.declared(one)
            if isinstance(given, Number) and not given.names:
                self._names[name] = names.of(name)
                given = Number(given.value, self._names[name], frozenset({self._names[name]}))
            values[name] = given
        for one in declarations.all("ParameterDeclaration") if declarations is not None else ():
            self._where += constraints(one, scope)
        return scope

    def _roads(self) -> OpenDrive:
        network = self._root.only("RoadNetwork")
        logic = network.first("LogicFile")
        if logic is None:
            return OpenDrive("", (1, 8), "", "", (0.0, 0.0, 0.0, 0.0), {}, {}, {}, (), ())
        path = self._path.parent / self.scope.text(logic, "filepath")
        if path not in self._options.opened:
            try:
                data = bytes_of(path)
            except OSError as error:
                raise logic.wrong(f"{path} cannot be read: {error.strerror}") from None
            self._options.opened[path] = read_opendrive(data, str(path))
        return self._options.opened[path]

    def _described(self, manoeuvres: list[dict[str, Any]], end: dict[str, Any], weather: dict[str, Any]) -> dict[str, Any]:
        header, under_test = self._root.only("FileHeader"), self._under_test()
        own = self._cast.members[under_test].thing.own_name
        title = (header.get("description") or self._path.stem).strip()[:120] or self._path.stem
        described: dict[str, Any] = {
            "scenario": _identifier(self._path.stem),
            "title": title,
            "question": f"{title}: does it end without contact?"[:400],
            "tags": {"other": ["OpenSCENARIO"]},
            "road": {"ways": self._cast.ways},
            "weather": {"friction": FRICTION} | weather,
            "actors": self._cast.described(under_test),
            "manoeuvres": manoeuvres,
            "end": end,
            "step_s": STEP_S,
            "requirements": [{"metric": "contact", "of": own, "equals": 0}],
        }
        used = _names_in(described)
        values = {self._names[name]: value for name, value in self.scope.values.items() if name in self._names}
        parameters = {
            name: {"default": value.value} for name, value in values.items() if name in used and isinstance(value, Number)
        }
        for name, spread in self._options.varied.items():
            if self._names.get(name) in parameters:
                parameters[self._names[name]] |= spread
        where = [
            one
            for one in self._where
            if _names_in(one) & set(parameters) and not _names_in(one) & set(self._names.values()) - set(parameters)
        ]
        return {**described, "parameters": parameters, "where": where} if parameters else described

    def _under_test(self) -> str:
        names = list(self._cast.members)
        named = [name for name in names if name.lower() in _UNDER_TEST]
        controlled = [name for name in names if self._cast.members[name].thing.controllers]
        return (named or controlled or names)[0]


def _identifier(stem: str) -> str:
    return Names().of(stem, 64).replace("_", "-").strip("-")


def _names_in(part: Any) -> frozenset[str]:
    """Words in every text of a description: parameters that are used are among them."""
    if isinstance(part, Mapping):
        return frozenset[str]().union(*(_names_in(one) for one in part.values()))
    if isinstance(part, list | tuple):
        return frozenset[str]().union(*(_names_in(one) for one in part))
    words = "".join(one if one.isalnum() or one == "_" else " " for one in part) if isinstance(part, str) else ""
    return frozenset(words.split())


def _text(described: Mapping[str, Any], notes: tuple[str, ...], file: str) -> str:
    head = [f"# Imported from {file}.", *(f"# Left out: {note}." for note in notes)]
    body = yaml.dump(dict(described), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return "\n".join([*head, body])


class _Dumper(yaml.SafeDumper):
    """Without anchors: a part that stands in two places is written twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

"""Catalogues beside an OpenSCENARIO file: entries by catalogue and name, with the parameters that a reference assigns."""

from __future__ import annotations

from pathlib import Path

from chelu.xml_tree import Element, parse
from simulators.scenario.bounded import bytes_of
from simulators.scenario.openscenario.scope import Scope

LARGEST_BYTES = 64 << 20


def read_xml(path: Path, asked: Element | None = None, *, root: str = "OpenSCENARIO") -> Element:
    """A file's root element; who asked for it is named when it is not there."""
    try:
        return parse(bytes_of(path, LARGEST_BYTES), str(path), root=root, max_bytes=LARGEST_BYTES)
    except OSError as error:
        if asked is None:
            raise
        raise asked.wrong(f"{path} cannot be read: {error.strerror}") from None


class Catalogs:
    """All catalogues that a scenario names, read once they are asked for."""

    def __init__(self, root: Element, beside: Path, scope: Scope) -> None:
        self._beside, self._scope = beside, scope
        self._directories = [
            one for kind in root.all("CatalogLocations") for each in kind.children for one in each.all("Directory")
        ]
        self._entries: dict[tuple[str, str], Element] | None = None

    def referred(self, reference: Element, scope: Scope) -> tuple[Element, Scope]:
        """What a CatalogReference stands for, and what its parameters are there."""
        key = scope.text(reference, "catalogName"), scope.text(reference, "entryName")
        if self._entries is None:
            self._entries = self._read(reference)
        entry = self._entries.get(key)
        if entry is None:
            names = ", ".join(sorted({catalog for catalog, _ in self._entries})) or "there are none"
            raise reference.wrong(f"no entry {key[1]!r} in a catalogue {key[0]!r}; catalogues: {names}")
        assigned = {
            one.needed("parameterRef").removeprefix("$"): scope.text(one, "value")
            for one in reference.below("ParameterAssignments", "ParameterAssignment")
        }
        return entry, Scope(dict(scope.values), scope.fixed).within(entry.first("ParameterDeclarations"), assigned)

    def _read(self, asked: Element) -> dict[tuple[str, str], Element]:
        found: dict[tuple[str, str], Element] = {}
        for directory in self._directories:
            place = self._beside / self._scope.text(directory, "path")
            for path in sorted(place.glob("*.xosc")) if place.is_dir() else ():
                for catalog in read_xml(path, asked).all("Catalog"):
                    for entry in catalog.children:
                        found[catalog.needed("name"), entry.get("name", "")] = entry
        return found

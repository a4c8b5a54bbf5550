"""Which protocol a source of the configuration asks for."""

from __future__ import annotations

from edge.settings import TerminalSource, VehicleSource
from edge.vehicles.children import Children
from edge.vehicles.codes import Codes
from edge.vehicles.directory import PHONE, VIN, Directory, Naming
from edge.vehicles.gbt32960 import Gbt32960, read_platforms
from edge.vehicles.jt808 import Jt808
from edge.vehicles.keys import read_keys
from edge.vehicles.language import Holder, Language


def language_of(source: VehicleSource | TerminalSource, children: Children, holder: Holder) -> Language:
    """Raises ConfigurationError when one of its files cannot be used."""
    replaces = source.second_login == "replace"
    naming = naming_of(source)
    directory = Directory(source.vehicles, naming=naming, gateway=children.gateway)
    keys = read_keys(source.keys_file, naming)
    if isinstance(source, TerminalSource):
        return Jt808(directory, holder, codes=Codes(children.home / "codes"), keys=keys, replaces=replaces)
    platforms = read_platforms(source.platforms_file) if source.platforms_file else {}
    return Gbt32960(directory, holder, platforms=platforms, keys=keys, replaces=replaces)


def naming_of(source: VehicleSource | TerminalSource) -> Naming:
    """By what its protocol knows vehicles."""
    return VIN if isinstance(source, VehicleSource) else PHONE

"""`chelu city`: what the city brain is told to do."""

from __future__ import annotations

import typer

from services.registry.cli_corridor import CORRIDORS
from services.registry.cli_signals import SIGNALS

CITY = typer.Typer(help="The city brain: signals, and corridors for emergency vehicles.", no_args_is_help=True)
CITY.add_typer(SIGNALS, name="signals")
CITY.add_typer(CORRIDORS, name="corridor")

"""`chelu city`: what the city brain sees, and what it is told to do."""

from __future__ import annotations

import typer

from services.registry import cli_city_forecast, cli_city_state, cli_entities, cli_surroundings
from services.registry.cli_corridor import CORRIDORS
from services.registry.cli_signals import SIGNALS

CITY = typer.Typer(
    help="The city brain: traffic state, forecast, surroundings, findings, signals, and corridors for emergency vehicles.",
    no_args_is_help=True,
)
CITY.add_typer(SIGNALS, name="signals")
CITY.add_typer(CORRIDORS, name="corridor")
CITY.command("state")(cli_city_state.state)
CITY.command("turns")(cli_city_state.turns)
CITY.command("surroundings")(cli_surroundings.surroundings)
CITY.command("outlook")(cli_surroundings.outlook)
CITY.command("entities")(cli_entities.entities)
CITY.command("export")(cli_entities.export)
CITY.command("forecast")(cli_city_forecast.forecast)
CITY.command("forecast-watch")(cli_city_forecast.watch)
CITY.command("findings")(cli_city_forecast.findings)
CITY.command("history")(cli_city_forecast.history)

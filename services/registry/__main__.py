"""``python -m services.registry`` serves the API; ``… prepare`` migrates, writes the broker's files and exits."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from chelu.clock import SystemClock
from chelu.daemon import LOG_FORMAT, READY_VARIABLE
from chelu.errors import CheluError
from chelu.store import Database, migrate
from services.registry import console, memory, prepare
from services.registry.alarms.monitored import Monitored
from services.registry.alarms.news import News
from services.registry.alarms.teller import Teller
from services.registry.app import create_app
from services.registry.broker_files import Follower
from services.registry.callers import Callers
from services.registry.campaigns.runner import Runner
from services.registry.cases.board import Board
from services.registry.database import Register
from services.registry.deadlines import Deadlines
from services.registry.entities.views import Views
from services.registry.hearing import Hearing, at_broker
from services.registry.hook import Hook
from services.registry.live_hub import Hub
from services.registry.live_rights import Tickets
from services.registry.maps.again import MapsAgain
from services.registry.orders.clerk import Clerk
from services.registry.packages import rows as package_rows
from services.registry.packages.files import Files
from services.registry.packages.tokens import dressed
from services.registry.parts import Parts
from services.registry.past.explainer import Explainer
from services.registry.road_events.sending import RoadEvents
from services.registry.runs.runner import Runner as ScenarioRunner
from services.registry.server import serve
from services.registry.settings import RegistrySettings
from services.registry.sole import Sole
from services.registry.surroundings.acting import Surroundings
from services.registry.throttle import Throttle

POOL_SIZE = 12  # requests, and some eight threads that work off what was heard
KEPT = 4  # a new connection is slow at first: its server process knows no table yet
SWITCH_S = 0.001
LOGIN_WINDOW_S = 60.0
LOGIN_LIMITS = 5, 30  # of a user, of an address
LOG = logging.getLogger("services.registry")


def main(arguments: Sequence[str]) -> int:
    """Run; an expected failure is one sentence on standard error and 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    options = _parser().parse_args(arguments)
    try:
        settings = RegistrySettings.from_environment(os.environ, password_file=options.password_file, acl_file=options.acl_file)
        run(settings, is_serving=options.action == "serve", ready_file=_path(os.environ.get(READY_VARIABLE)))
    except CheluError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(settings: RegistrySettings, *, is_serving: bool, ready_file: Path | None) -> None:
    """Prepare, and serve until a signal when `is_serving`."""
    files = prepare.files_of(settings)
    files.check()
    database = Database(settings.database_url, application="chelu registry", pool_size=POOL_SIZE, kept=KEPT)
    with contextlib.ExitStack() as stack:
        stack.callback(database.close)
        if is_serving:
            stack.enter_context(Sole(database, SystemClock()))
        with database.connection(doing="the migration") as connection:
            migrate(connection, "register", prepare.MIGRATIONS)
        register = Register(database)
        prepare.prepare(register, settings)
        if not is_serving:  # the broker is not running yet, and a pid file may be left from another day
            Follower(replace(files, broker=None), lambda: prepare.read_state(register)).write()
            return
        if password := prepare.make_administrator(register):
            print(f"administrator {prepare.FIRST_USER!r}, password {password} (shown only now)", flush=True)
        parts = _parts(stack, register, stack.enter_context(Follower(files, lambda: prepare.read_state(register))), settings)
        app = create_app(parts)
        _let_reads_be_quick()
        memory.give_back()
        serve(app, host=settings.host, port=settings.port, ready_file=ready_file, certificate=settings.certificate_file)


def _parts(stack: contextlib.ExitStack, register: Register, follower: Follower, settings: RegistrySettings) -> Parts:
    """The application's parts, those that have threads entered."""
    clock = SystemClock()
    token_key, public_url = package_rows.token_key(register), settings.public_url or prepare.own_url(settings)
    user_throttle, address_throttle = (Throttle(limit=limit, window_s=LOGIN_WINDOW_S) for limit in LOGIN_LIMITS)
    stack.enter_context(Deadlines(register, follower.announce))
    stack.enter_context(Teller(register, clock))
    stack.enter_context(Monitored(register, clock))
    hearing = Hearing()
    if settings.mqtt_url and urlsplit(settings.mqtt_url).username:
        road_events = RoadEvents()
        documents = {"upgrade": lambda letter: dressed(letter, token_key, public_url)}
        clerk = Clerk(register, clock, [Runner(), road_events, MapsAgain()], documents)
        hearing = at_broker(stack, settings.mqtt_url, register, follower.announce, clerk, clock, [road_events])
    stack.enter_context(Board(register, clock, hearing.clerk.wake if hearing.clerk else lambda: None))
    stack.enter_context(Surroundings(register, clock))
    stack.enter_context(Views(register))
    tickets, opening = Tickets(register), prepare.live_session(settings, clock)
    live = stack.enter_context(Hub(opening, tickets.check)) if opening else None
    packages = Files(settings.packages_directory) if settings.packages_directory else None
    hook = Hook(settings.hook_secret, follower) if settings.hook_secret else None
    return Parts(
        register,
        follower,
        clock,
        Callers(register, clock),
        tickets,
        live,
        user_throttle,
        address_throttle,
        news=stack.enter_context(News(register)),
        hook=hook,
        packages=packages,
        console=settings.console_directory or console.usual_directory(),
        token_key=token_key,
        explainer=Explainer(settings.database_url),
        tests=stack.enter_context(ScenarioRunner(register)),
        **hearing.parts(),
    )


def _let_reads_be_quick() -> None:
    """Requests and what is done by itself share one interpreter: nobody may hold it for long.

    What was made until now stays, so the garbage collector need not walk it again and again (a fifth of a second each time); and
    who waits for the interpreter asks for it after a millisecond, since a request waits for it some five times.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.registry", description=__doc__)
    parser.add_argument("action", nargs="?", choices=("serve", "prepare"), default="serve")
    parser.add_argument("--password-file", type=Path, help="instead of CHELU_REGISTRY_PASSWORD_FILE")
    parser.add_argument("--acl-file", type=Path, help="instead of CHELU_REGISTRY_ACL_FILE")
    return parser


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

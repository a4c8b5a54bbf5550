"""The registry while it serves: its parts, those that have threads entered, and the application on top of them."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from chelu.bus import BulkSession
from chelu.clock import Clock, SystemClock
from services.registry import console, live_hub, memory, passwords, people
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
from services.registry.people_models import NewUser, SiteRole
from services.registry.road_events.sending import RoadEvents
from services.registry.roles import Role
from services.registry.runs.runner import Runner as ScenarioRunner
from services.registry.server import serve
from services.registry.settings import RegistrySettings, read_accounts
from services.registry.surroundings.acting import Surroundings
from services.registry.throttle import Throttle
from services.registry.track import stopped

FIRST_USER = "admin"
ANYBODY = "SELECT 1 AS one FROM register.api_key WHERE owner IS NULL UNION ALL SELECT 1 FROM register.person LIMIT 1"
SWITCH_S = 0.001
LOGIN_WINDOW_S = 60.0
LOGIN_LIMITS = 5, 30  # of a user, of an address


def serve_until_told(
    stack: contextlib.ExitStack, register: Register, follower: Follower, settings: RegistrySettings, ready_file: Path | None
) -> None:
    """Serve until a signal; what has to be closed afterwards is left to the stack."""
    if password := make_administrator(register):
        print(f"administrator {FIRST_USER!r}, password {password} (shown only now)", flush=True)
    app = create_app(_parts(stack, register, follower, settings))
    _let_reads_be_quick()
    memory.give_back()
    serve(app, host=settings.host, port=settings.port, ready_file=ready_file, certificate=settings.certificate_file)


def _parts(stack: contextlib.ExitStack, register: Register, follower: Follower, settings: RegistrySettings) -> Parts:
    """The application's parts, those that have threads entered."""
    clock = SystemClock()
    token_key, public_url = package_rows.token_key(register), settings.public_url or own_url(settings)
    user_throttle, address_throttle = (Throttle(limit=limit, window_s=LOGIN_WINDOW_S) for limit in LOGIN_LIMITS)
    stack.enter_context(Deadlines(register, follower.announce))
    stack.enter_context(Teller(register, clock))
    stack.enter_context(Monitored(register, clock))
    stack.enter_context(stopped.watching(register, clock))
    hearing = Hearing()
    if settings.mqtt_url and urlsplit(settings.mqtt_url).username:
        road_events = RoadEvents()
        documents = {"upgrade": lambda letter: dressed(letter, token_key, public_url)}
        clerk = Clerk(register, clock, [Runner(), road_events, MapsAgain()], documents)
        hearing = at_broker(stack, settings.mqtt_url, register, follower.announce, clerk, clock, [road_events])
    stack.enter_context(Board(register, clock, hearing.clerk.wake if hearing.clerk else lambda: None))
    stack.enter_context(Surroundings(register, clock))
    stack.enter_context(Views(register))
    tickets, opening = Tickets(register), live_session(settings, clock)
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


def own_url(settings: RegistrySettings) -> str:
    """Where this API is, as far as it knows itself."""
    scheme = "https" if settings.certificate_file else "http"
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - not listened on here
    return f"{scheme}://{host}:{settings.port}"


def live_session(settings: RegistrySettings, clock: Clock) -> Callable[[], BulkSession] | None:
    """How the session for live readers is opened; None without a broker or an account there."""
    password = read_accounts(settings.accounts_file).get(live_hub.ACCOUNT)
    url = settings.mqtt_url
    return (lambda: live_hub.session(url, password, clock)) if url and password else None


def make_administrator(register: Register) -> str | None:
    """The password of a new administrator, while the register has neither a key nor a person: nobody could call it."""
    if register.rows(ANYBODY):
        return None
    password = passwords.new_password()
    administrator = NewUser(user_name=FIRST_USER, password=None, team=None, roles=[SiteRole(site=None, role=Role.ADMINISTRATOR)])
    with register.transaction("registry") as connection:
        people.add(connection, administrator, passwords.hashed(password))
    return password

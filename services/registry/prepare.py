"""What the registry does before it serves: takes over the keys and accounts it is given, and says what the broker must know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.bus import BulkSession
from chelu.clock import Clock
from chelu.errors import ConfigurationError
from services.registry import live_hub, passwords, people
from services.registry.broker_files import BrokerFiles, BrokerState
from services.registry.broker_reload import Broker
from services.registry.credentials import is_verified, key_hash, verifier
from services.registry.database import Register
from services.registry.device_rows import broker_state
from services.registry.people_models import NewUser, SiteRole
from services.registry.rights import ROLES, is_service
from services.registry.roles import Role
from services.registry.settings import RegistrySettings, read_accounts

MIGRATIONS = Path(__file__).parent / "migrations"
ADMINISTRATOR = "administrator"
FIRST_USER = "admin"
ANYBODY = "SELECT 1 AS one FROM register.api_key WHERE owner IS NULL UNION ALL SELECT 1 FROM register.person LIMIT 1"
ADD_KEY = """INSERT INTO register.api_key (name, hash) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created = now() WHERE api_key.hash <> excluded.hash"""
ADD_ACCOUNT = """INSERT INTO register.service_account (name, verifier) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier"""


def files_of(settings: RegistrySettings) -> BrokerFiles:
    """The broker's files as the settings name them."""
    broker = Broker.of(settings.broker_pid_file, settings.mqtt_url) if settings.broker_pid_file else None
    return BrokerFiles(settings.password_file, settings.acl_file, broker)


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


def take_over_accounts(connection: Connection[DictRow], accounts: Mapping[str, str]) -> None:
    """Let these service accounts count, and others no more; a verifier that fits is kept, so that the files stay as they are."""
    if unknown := sorted(name for name in accounts if not is_service(name)):
        raise ConfigurationError("accounts_file", unknown[0], f"a service account is one of {', '.join(sorted(ROLES))}")
    rows = connection.execute("SELECT name, verifier FROM register.service_account").fetchall()
    known = {row["name"]: row["verifier"] for row in rows}
    for name, password in accounts.items():
        if not is_verified(password, known.get(name, "")):
            connection.execute(ADD_ACCOUNT, (name, verifier(password)))
    connection.execute("DELETE FROM register.service_account WHERE name <> ALL(%s)", (list(accounts),))


def prepare(register: Register, settings: RegistrySettings) -> None:
    """Take over what the settings give, in one transaction."""
    with register.transaction("registry") as connection:
        if settings.accounts_file is not None:
            take_over_accounts(connection, read_accounts(settings.accounts_file))
        if settings.api_key is not None:
            connection.execute(ADD_KEY, (ADMINISTRATOR, key_hash(settings.api_key)))


def read_state(register: Register) -> BrokerState:
    """What the broker must know, in one transaction."""
    with register.transaction() as connection:
        return broker_state(connection)

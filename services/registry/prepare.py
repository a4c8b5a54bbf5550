"""What the registry does before it serves: takes over the keys and accounts it is given, and says what the broker must know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.errors import ConfigurationError
from services.registry.broker_files import BrokerFiles, BrokerState
from services.registry.broker_reload import Broker
from services.registry.credentials import is_verified, key_hash, verifier
from services.registry.database import Register
from services.registry.device_rows import broker_state
from services.registry.rights import ROLES, is_service
from services.registry.settings import RegistrySettings, read_accounts

MIGRATIONS = Path(__file__).parent / "migrations"
ADMINISTRATOR = "administrator"
ADD_KEY = """INSERT INTO register.api_key (name, hash) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created = now() WHERE api_key.hash <> excluded.hash"""
ADD_ACCOUNT = """INSERT INTO register.service_account (name, verifier) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET verifier = excluded.verifier"""


def files_of(settings: RegistrySettings) -> BrokerFiles:
    """The broker's files as the settings name them."""
    broker = Broker.of(settings.broker_pid_file, settings.mqtt_url) if settings.broker_pid_file else None
    return BrokerFiles(settings.password_file, settings.acl_file, broker)


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

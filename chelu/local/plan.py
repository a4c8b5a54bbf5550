"""Everything about a site that is decided before its first process starts: ports, addresses, files, and which parts are ours."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from chelu.errors import ConfigurationError
from chelu.local import authority, broker, files, ports, postgres, process, secrets
from chelu.local.broker import Choice
from chelu.local.files import Layout
from chelu.local.mosquitto import Configuration
from chelu.local.ports import Claims
from chelu.local.postgres import Cluster
from chelu.local.process import Program
from chelu.local.services import PREPARE, SERVICES, Endpoints, Service, Surroundings, with_workers, worker_of
from chelu.store import Database

USUAL_PORTS: Mapping[str, int] = {"mqtt": 1883, "api": 8080, "database": 54329, "mqtts": 8883, "https": 8443}
SECURED: Mapping[str, str] = {"mqtt": "mqtts", "api": "https"}  # under which name a site on TLS remembers these ports
LOOKING = ("console", "live")  # accounts of whoever only looks: people, and the registry for its live readers
DATABASE_VARIABLE = "CHELU_DATABASE_URL"
WORKERS_VARIABLE = "CHELU_INGEST_WORKERS"
MOST_WORKERS = 16
BROKER_VARIABLE = "CHELU_MQTT_URL"
TLS_VARIABLE = "CHELU_TLS"
SWITCH = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen about a site. A port of None is the one it had, the usual one or a free one; 0 is any free one."""

    database_url: str | None = None  # somebody else's database instead of our own
    mqtt_url: str | None = None  # somebody else's broker
    broker: Choice = Choice.AUTO
    host: str = ports.LOOPBACK  # where broker and API listen
    tls: bool = False  # they do so on TLS alone, with certificates of the site's own authority
    mqtt_port: int | None = None
    api_port: int | None = None
    database_port: int | None = None
    database_settings: Mapping[str, str] | None = None
    workers: int | None = None  # of ingest; None: as CHELU_INGEST_WORKERS says, else one
    services: tuple[Service, ...] = SERVICES
    prepare: Service | None = PREPARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be started, in order: database, preparation, broker, services. None: somebody else's, or not wanted."""

    around: Surroundings
    cluster: Cluster | None
    broker: Program | None
    options: Options
    former: tuple[str, ...] = ()  # workers of ingest that are not wanted any more


def has_tls(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for TLS; ConfigurationError when it says neither yes nor no."""
    value = environ.get(TLS_VARIABLE, "")
    if value.lower() not in SWITCH:
        raise ConfigurationError(TLS_VARIABLE, value, "it must be 1 or 0", source="environment")
    return SWITCH[value.lower()]


def from_environment(environ: Mapping[str, str]) -> dict[str, str | None]:
    """The options that name other people's parts, as the environment has them."""
    return {"database_url": environ.get(DATABASE_VARIABLE) or None, "mqtt_url": environ.get(BROKER_VARIABLE) or None}


def workers_of(options: Options, environ: Mapping[str, str]) -> int:
    """How many workers of ingest are wanted."""
    if options.workers is not None:
        return options.workers
    value = environ.get(WORKERS_VARIABLE, "1")
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST_WORKERS:
        raise ConfigurationError(WORKERS_VARIABLE, value, f"it must be 1 … {MOST_WORKERS}", source="environment")
    return int(value)


def make(layout: Layout, options: Options, claims: Claims) -> Plan:
    """Choose and claim ports, make secrets, the database's directory and the broker's files; starts no process that stays."""
    workers = workers_of(options, os.environ)
    options = replace(options, services=with_workers(options.services, workers))
    for directory in (layout.log("x").parent, layout.broker, layout.ready("x").parent):
        files.make_directory(directory)
    mine = not options.mqtt_url
    former = [name for name in files.read_json(layout.secrets).get("accounts", {}) if worker_of(name) > workers]
    names = (*(service.name for service in options.services if service.has_account), *LOOKING, *former)
    found = secrets.load(layout, accounts=names if mine else ())
    cluster = None if options.database_url else _cluster(layout, options, claims, found.database_password)
    mqtt_host, mqtt_port = _broker_address(layout, options, claims)
    api_port = _port(layout, options, claims, "api")
    if options.tls:
        now = datetime.datetime.now(datetime.UTC)
        authority.init(layout, [options.host] if options.host != ports.ANYWHERE else [], now)
    name, program = _broker(layout, options, mqtt_port) if mine else ("external", None)
    ca = f"?ca={quote(str(layout.ca_certificate))}" if options.tls else ""
    endpoints = Endpoints(
        api_url=f"{'https' if options.tls else 'http'}://{ports.reachable(options.host)}:{api_port}",
        api_key_file=str(layout.api_key),
        mqtt_url=options.mqtt_url or f"{'mqtts' if options.tls else 'mqtt'}://{mqtt_host}:{mqtt_port}{ca}",
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        database_url=options.database_url or (cluster.url if cluster else ""),
        data=str(layout.data),
        broker=name,
        ca_file=str(layout.ca_certificate) if options.tls else "",
    )
    if program:
        process.forget(program)  # a killed supervisor left it, and the registry's preparation would signal whoever has the number
    around = Surroundings(
        layout=layout,
        endpoints=endpoints,
        accounts=found.accounts,
        api_key=found.api_key,
        api_host=options.host,
        api_port=api_port,
        workers=workers,
    )
    return Plan(around=around, cluster=cluster, broker=program, options=options, former=tuple(former) if mine else ())


def _cluster(layout: Layout, options: Options, claims: Claims, password: str) -> Cluster:
    return postgres.prepare(layout.postgres, port=_port(layout, options, claims, "database"), password=password)


def _broker(layout: Layout, options: Options, port: int) -> tuple[str, Program]:
    has_rights = options.prepare is not None
    configuration = Configuration(
        port=port,
        host=options.host,
        directory=layout.broker,
        password_file=layout.broker / "passwords" if has_rights else None,
        acl_file=layout.broker / "acl" if has_rights else None,
        certificate=layout.server("broker") if options.tls else None,
    )
    return broker.program(
        options.broker, configuration, directory=layout.broker, log_file=layout.log("broker"), environ=os.environ
    )


def _broker_address(layout: Layout, options: Options, claims: Claims) -> tuple[str, int]:
    if not options.mqtt_url:
        return ports.reachable(options.host), _port(layout, options, claims, "mqtt")
    try:
        parts = urlsplit(options.mqtt_url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port or an address in brackets that is none
        host = None
    if not host or parts.scheme not in {"mqtt", "mqtts"}:
        shown = options.mqtt_url.rpartition("@")[2]  # without the account
        raise ConfigurationError(BROKER_VARIABLE, shown, "it must be mqtt://host[:port] or mqtts://host[:port]")
    return host, port or (8883 if parts.scheme == "mqtts" else 1883)


def _port(layout: Layout, options: Options, claims: Claims, part: str) -> int:
    """The port asked for, else the one this site had, else the usual one, else a free one."""
    asked = {"mqtt": options.mqtt_port, "api": options.api_port, "database": options.database_port}[part]
    name = SECURED.get(part, part) if options.tls else part
    had = files.read_json(layout.ports).get(name)
    host = ports.LOOPBACK if part == "database" else options.host
    usual = had if isinstance(had, int) and had and ports.is_free(had, host) else USUAL_PORTS[name]
    port = claims.choose(part, usual=usual, forced=asked, host=host)
    files.write_json(layout.ports, {**files.read_json(layout.ports), name: port})
    return port


def has_lost_a_port(plan: Plan) -> bool:
    """Whether, now that none of its parts runs, somebody else has a port that was chosen for one."""
    host, endpoints = plan.options.host, plan.around.endpoints
    own = [(plan.around.api_port, host)]
    own += [(endpoints.mqtt_port, host)] if plan.broker else []
    own += [(plan.cluster.port, ports.LOOPBACK)] if plan.cluster else []
    return not all(ports.is_free(port, where) for port, where in own)


def check_database(plan: Plan) -> None:
    """Create the site's database in our own cluster, or see that somebody else's lets us in."""
    if plan.cluster:
        postgres.create_database(plan.cluster)
    Database(plan.around.endpoints.database_url).connect().close()

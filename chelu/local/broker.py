"""Which broker a site on this machine gets: mosquitto installed, mosquitto fetched, or amqtt, in this order."""

from __future__ import annotations

import enum
import logging
import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from chelu.errors import CannotStartError
from chelu.local import files, mosquitto, packages
from chelu.local.mosquitto import Configuration
from chelu.local.packages import Unpacked
from chelu.local.ports import accepts, reachable
from chelu.local.process import Program
from chelu.local.services import PID_FILE, module

SYSTEM_DIRECTORY = "/usr/sbin"  # where Debian puts it, and ordinary users' PATH does not look

log = logging.getLogger(__name__)


class Choice(enum.StrEnum):
    """What the user asks for."""

    AUTO = "auto"
    INSTALLED = "installed"  # mosquitto of this machine
    FETCHED = "fetched"  # mosquitto from the distribution's packages
    AMQTT = "amqtt"


def installed_mosquitto(environ: Mapping[str, str] = os.environ) -> Unpacked | None:
    """The machine's own mosquitto, if it has one."""
    found = shutil.which("mosquitto", path=os.pathsep.join([environ.get("PATH", ""), SYSTEM_DIRECTORY]))
    return Unpacked(Path(found), {}) if found else None


def find_mosquitto(environ: Mapping[str, str] = os.environ, choice: Choice = Choice.AUTO) -> Unpacked:
    """The mosquitto installed or else fetched; CannotStartError when there is neither."""
    found = installed_mosquitto(environ) if choice is not Choice.FETCHED else None
    if choice is Choice.INSTALLED and found is None:
        raise CannotStartError("mosquitto is not installed", "install it, or let another broker be chosen")
    return found or packages.mosquitto(files.cache(environ))


def program(
    choice: Choice, configuration: Configuration, *, directory: Path, log_file: Path, environ: Mapping[str, str] = os.environ
) -> tuple[str, Program]:
    """What the broker is, and how it is run; files beside it go to `directory`."""
    if choice is not Choice.AMQTT:
        try:
            found = find_mosquitto(environ, choice)
        except CannotStartError as error:
            if choice is not Choice.AUTO:
                raise
            log.warning("no mosquitto (%s): amqtt stands in, which carries a few thousand messages a second", error)
        else:
            file = directory / "mosquitto.conf"
            return f"mosquitto ({found.executable})", mosquitto.program(
                found.executable, configuration, file=file, log=log_file, libraries=found.environment
            )
    return "amqtt", _amqtt(configuration, directory, log_file)


def _amqtt(configuration: Configuration, directory: Path, log_file: Path) -> Program:
    if configuration.certificate is not None:
        raise CannotStartError("amqtt, the broker that stands in, has no TLS here", "install mosquitto, or start without --tls")
    if find_spec("amqtt") is None:
        raise CannotStartError("no broker can be had on this machine", "install mosquitto, or name one with CHELU_MQTT_URL")
    rights = (configuration.password_file, configuration.acl_file)
    arguments = [str(path) for path in rights if path] if all(rights) else []
    return Program(
        name="broker",
        command=module("chelu.local.amqtt_broker", str(configuration.port), *arguments),
        log=log_file,
        is_ready=lambda: accepts(configuration.port, reachable(configuration.host)),
        address=f"{configuration.host}:{configuration.port}",
        pid_file=directory / PID_FILE,  # the registry sends its SIGHUP there
        start_timeout_s=30.0,
    )

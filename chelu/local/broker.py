"""Which broker a site on this machine gets: mosquitto installed, mosquitto fetched, or amqtt, in this order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from chelu.local import files, packages
from chelu.local.packages import Unpacked

SYSTEM_DIRECTORY = "/usr/sbin"  # where Debian puts it, and ordinary users' PATH does not look


def installed_mosquitto(environ: Mapping[str, str] = os.environ) -> Unpacked | None:
    """The machine's own mosquitto, if it has one."""
    found = shutil.which("mosquitto", path=os.pathsep.join([environ.get("PATH", ""), SYSTEM_DIRECTORY]))
    return Unpacked(Path(found), {}) if found else None


def find_mosquitto(environ: Mapping[str, str] = os.environ) -> Unpacked:
    """The mosquitto installed or else fetched; CannotStartError when there is neither."""
    return installed_mosquitto(environ) or packages.mosquitto(files.cache(environ))

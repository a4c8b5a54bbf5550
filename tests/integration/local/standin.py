"""Stands in for a service: says that it is ready, ends on SIGTERM; or misbehaves as its first argument says."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
from base64 import b64encode
from pathlib import Path


def prepare(password_file: Path, acl_file: Path) -> None:
    accounts = json.loads(Path(os.environ["CHELU_REGISTRY_ACCOUNTS_FILE"]).read_text())
    lines = []
    for user, password in accounts.items():
        salt = os.urandom(12)
        digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
        lines.append(f"{user}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}\n")
    password_file.write_text("".join(lines))
    acl_file.write_text("".join(f"user {user}\ntopic readwrite allowed/#\n" for user in accounts))
    for path in (password_file, acl_file):
        path.chmod(0o600)


def serve() -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    Path(os.environ["CHELU_READY_FILE"]).touch()
    ended.wait()


def main(mode: str, *words: str) -> None:
    if mode == "prepare":
        prepare(Path(words[words.index("--password-file") + 1]), Path(words[words.index("--acl-file") + 1]))
    elif mode == "serve":
        serve()
    elif mode == "refuse":
        sys.exit("chelu: the map is missing; put one there")


if __name__ == "__main__":
    main(*sys.argv[1:])

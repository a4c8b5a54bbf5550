"""The `chelu` command: what it needs, and what leaves it when something goes wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
import typer

from chelu import cli
from chelu.errors import CheluError


def fails_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run() -> None:
        raise error

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(run)
    monkeypatch.setattr(cli, "build", lambda: app)
    monkeypatch.setattr("sys.argv", ["chelu"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CheluError("no site runs here"), "chelu: no site runs here\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "demo.png"),
            "chelu: demo.png cannot be used (No space left on device); make room or give rights\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "chelu: a file cannot be used (Permission denied); make room or give rights\n",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, error)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == sentence


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, FileNotFoundError(errno.ENOENT, "No such file or directory", "x"))
    with pytest.raises(FileNotFoundError):
        cli.main()


def test_an_installation_with_no_extra_has_every_command() -> None:
    program = "import sys; from chelu import cli; cli.build(); print(*(name.partition('.')[0] for name in sys.modules))"
    built = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    of_extras = {"httpx", "fastapi", "psycopg", "paho", "scipy", "onnxruntime", "psutil", "serial", "matplotlib", "cryptography"}
    assert of_extras & set(built.stdout.split()) == set()

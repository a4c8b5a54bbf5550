"""Runs the commands that a document shows, and writes into it what they print: `python -m evaluation.transcript FILE.md`.

In a block that begins with ```console, a line ``$ COMMAND`` is run, and the lines up to the next such one are what it printed. A
comment ``<!-- $ COMMANDS -->`` is run too, and not shown. All run one after the other in one bash, in an empty directory; what
they leave running is ended with it. Instead of the directory, the machine's name and its address, stand-ins are written.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from chelu.errors import CheluError

PART = re.compile(r"^```console\n(?P<shown>.*?)^```$|^<!-- \$ (?P<hidden>[^\n]*?) -->$", re.DOTALL | re.MULTILINE)
PROMPT = "$ "
MARK = "--- ended with"
COLUMNS = 150  # of tables that fit themselves to the terminal
Run = Callable[[str], tuple[str, int]]


class CommandFailedError(CheluError):
    """A command that is not shown failed: what is shown after it would mean nothing."""


def filled(text: str, run: Run) -> str:
    """The document with what its commands print now. run: gives a command's output and exit code."""

    def part(match: re.Match[str]) -> str:
        if match["hidden"] is None:
            shown = (f"{PROMPT}{command}\n{run(command)[0]}" for command in commands(match["shown"]))
            return "```console\n" + "".join(shown) + "```"
        output, code = run(match["hidden"])
        if code:
            raise CommandFailedError(f"{match['hidden']!r} ended with {code}: {output.strip()}")
        return match[0]

    return PART.sub(part, text)


def commands(block: str) -> list[str]:
    """The commands of a block, in order."""
    return [line.removeprefix(PROMPT) for line in block.splitlines() if line.startswith(PROMPT)]


@contextmanager
def shell(directory: Path, stand_ins: Mapping[str, str]) -> Iterator[Run]:
    """One bash that runs all commands, and with it ends what they started. This interpreter's own `chelu` is on its path."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHELU_")}
    environment |= {"PATH": path, "COLUMNS": str(COLUMNS)}
    bash = subprocess.Popen(
        ["bash", "--norc"],  # noqa: S607 - whichever is the machine's
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said, heard = bash.stdin, bash.stdout
    if said is None or heard is None:
        raise RuntimeError("bash has no pipes")

    def run(command: str) -> tuple[str, int]:
        said.write(f"{{ {command}\n}} < /dev/null\nprintf '\\n{MARK} %s\\n' $?\n")  # what is said is bash's alone
        said.flush()
        lines: list[str] = []
        for line in heard:
            if line.startswith(MARK):
                return _plain("".join(lines), stand_ins), int(line.removeprefix(MARK))
            lines.append(line)
        raise CommandFailedError(f"{command!r} ended the shell: {''.join(lines)}")

    try:
        yield run
    finally:
        os.killpg(bash.pid, signal.SIGTERM)
        bash.communicate()


def stand_ins(directory: Path) -> dict[str, str]:
    """What is written instead of what is this machine's own."""
    found = {str(directory): "…", socket.gethostname(): "vm"}
    for family, elsewhere, stand_in in (
        (socket.AF_INET, "192.0.2.1", "192.0.2.2"),
        (socket.AF_INET6, "2001:db8::1", "2001:db8::2"),
    ):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # sends nothing: it only chooses the address that it would be sent from
            found[probe.getsockname()[0]] = stand_in
    return found


def _plain(output: str, stand_ins: Mapping[str, str]) -> str:
    """An output as it is shown: without blanks at its lines' ends, and ended by one line break."""
    for own, stand_in in stand_ins.items():
        output = output.replace(own, stand_in)
    lines = [line.rstrip() for line in output.rstrip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def main(arguments: Sequence[str]) -> None:
    """Rewrite documents in place."""
    for name in arguments:
        document = Path(name)
        with tempfile.TemporaryDirectory(prefix="chelu-") as made, shell(Path(made), stand_ins(Path(made))) as run:
            text = filled(document.read_text(encoding="utf-8"), run)
        document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

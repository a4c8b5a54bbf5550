"""The `chelu` command. Each part brings a `cli.py` whose `register(app)` adds its commands and imports only typer.

Parts are found through the entry-point group ``chelu.commands``, so that the kernel imports none of them.
"""

from __future__ import annotations

import contextlib
import errno
import math
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points, version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from chelu import native
from chelu.errors import CheluError, MissingExtraError

# What is the machine's fault and not the program's.
SURROUNDINGS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE})


@contextlib.contextmanager
def extra(name: str) -> Iterator[None]:
    """Around a part's own imports: a missing optional package becomes a sentence that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in {"", "chelu", "services", "edge", "simulators", "evaluation"}:
            raise
        raise MissingExtraError(name, module) from None


class Command(TyperCommand):
    """Takes for a number neither infinity nor NaN, which lies within all bounds that an option may have."""

    def __init__(self, name: str | None, **rest: Any) -> None:
        super().__init__(name, **rest)
        for one in self.params:
            one.callback = _finite_before(one.callback)


def _finite_before(after: Callable[..., Any] | None) -> Callable[..., Any]:
    def check(context: Any, parameter: Any, value: Any) -> Any:
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, float) and not math.isfinite(number):
                raise typer.BadParameter(f"{number} is not a finite number", ctx=context, param=parameter)
        return value if after is None else after(context, parameter, value)

    return check


def build() -> typer.Typer:
    """The command with every installed part's commands on it, in the order of their names."""
    app = typer.Typer(
        name="chelu",
        help="Chelu: the open platform for connected-vehicle and smart-city test sites.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for point in sorted(entry_points(group="chelu.commands"), key=lambda point: point.name):
        point.load()(app)
    _take_numbers_alone(app)
    return app


def _take_numbers_alone(app: typer.Typer) -> None:
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if group.typer_instance:
            _take_numbers_alone(group.typer_instance)


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_asked:
        typer.echo(f"chelu {version('chelu')} ({native.state()})")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Chelu: the open platform for connected-vehicle and smart-city test sites."""


def main() -> None:
    """Run the command: an expected failure is one sentence on standard error and the error's exit code, 1 of most.

    So is a disk or a right that fails where nobody looked for it.
    """
    try:
        build()()
    except CheluError as error:
        print(f"chelu: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in SURROUNDINGS:
            raise
        print(f"chelu: {error.filename or 'a file'} cannot be used ({error.strerror}); make room or give rights", file=sys.stderr)
        sys.exit(1)

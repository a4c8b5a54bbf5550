"""Exit codes of `chelu scenario …`: what could not be run, and what broke while it ran, are told from a verdict.

A fail is 1 and nothing else is: a pipeline that reads 1 knows that what is tested did not do what it must.
"""

from __future__ import annotations

import traceback
from typing import Any

import typer.core

from chelu.cli import SURROUNDINGS
from chelu.errors import CannotStartError, CheluError, MissingExtraError, RefusedError, UnreachableError

REFUSED, ERROR = 2, 3
_OF_THE_RIG = (CannotStartError, RefusedError, UnreachableError)


class Coded(typer.core.TyperGroup):
    """Commands whose failures say by their exit code which kind they are."""

    def invoke(self, ctx: Any) -> Any:  # the context of whichever click typer brings
        """Run a command. CheluError with its exit code; any other fault is the rig's, with its traceback."""
        try:
            return super().invoke(ctx)
        except CheluError as error:
            error.exit_code = code_of(error)
            raise
        except Exception as error:
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):  # typer's own, with codes of their own
                raise
            if isinstance(error, OSError) and error.errno in SURROUNDINGS:
                failure = CannotStartError(
                    f"{error.filename or 'a file'} cannot be used ({error.strerror})", "make room or give rights"
                )
                failure.exit_code = ERROR
                raise failure from error
            traceback.print_exc()
            raise typer.Exit(ERROR) from None


def code_of(error: CheluError) -> int:
    """3 of what broke on the way, 2 of what was never right."""
    is_of_rig = isinstance(error, _OF_THE_RIG) and not isinstance(error, MissingExtraError)
    return ERROR if is_of_rig or error.exit_code == ERROR else REFUSED

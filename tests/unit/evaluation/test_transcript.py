"""Documents that show what commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.transcript import CommandFailedError, commands, filled, shell

DOCUMENT = """# A site

<!-- $ place=here; echo unseen -->

```console
$ echo "I am $place"
what somebody typed
$ false
$ cat missing
```

```sh
$ not run
```
"""


def test_shown_commands_get_their_output_and_hidden_ones_only_run(tmp_path: Path) -> None:
    with shell(tmp_path, {}) as run:
        text = filled(DOCUMENT, run)
        assert filled(text, run) == text
    shown = text.partition("```console\n")[2].partition("```")[0]
    assert shown == '$ echo "I am $place"\nI am here\n$ false\n$ cat missing\ncat: missing: No such file or directory\n'
    assert text.replace(shown, "") == DOCUMENT.replace(DOCUMENT.partition("```console\n")[2].partition("```")[0], "")


def test_what_is_this_machines_own_is_not_written(tmp_path: Path) -> None:
    with shell(tmp_path, {str(tmp_path): "…"}) as run:
        assert run("echo $PWD/file") == ("…/file\n", 0)


def test_a_command_that_reads_gets_nothing_of_what_comes_after_it(tmp_path: Path) -> None:
    with shell(tmp_path, {}) as run:
        assert run("cat; place=here") == ("", 0)
        assert run("echo $place; sleep 600 &") == ("here\n", 0)


def test_a_hidden_command_that_fails_ends_it(tmp_path: Path) -> None:
    with shell(tmp_path, {}) as run, pytest.raises(CommandFailedError, match="'false' ended with 1"):
        filled("<!-- $ false -->\n", run)


def test_commands_are_what_follows_the_prompt() -> None:
    assert commands("$ one\noutput\n$ two --three\n") == ["one", "two --three"]

"""`chelu scenario suite …` and `chelu scenario sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local.files import writing
from chelu.local.targets import check_writable
from simulators.scenario.suite import page
from simulators.scenario.suite.library import suite_of, suites
from simulators.scenario.suite.outcomes import exit_code
from simulators.scenario.suite.running import Request, run
from simulators.scenario.verdict import INTERRUPTED, worst_code

HEAD = """# Suites

Scenarios that belong together, with the values to be tried of each; how they are run is in [scenario.md](scenario.md#suites).
What is tested in memory are Chelu's own applications and driver models; what they do not pass is a finding. This page is
written by
"""


def listed() -> Table:
    """The suites that ship."""
    shown = Table("suite", "", "items", "tests", box=None, pad_edge=False, header_style="bold")
    for name in suites():
        one = suite_of(name).suite
        shown.add_row(name, one.title, str(len(one.items)), one.device)
    return shown


def refuse_without_effect(
    mode: str,
    *,
    device: str | None,
    workers: int,
    dut: Path | None,
    site: str | None,
    data: Path | None,
    build: str,
    is_kept: bool,
) -> None:
    """ConfigurationError for an option of `chelu scenario suite run` that would have no effect beside the others."""
    is_in_memory, at_site = mode == "memory", "--through-platform, --in-the-loop or --keep"
    memory = "a run in memory, which this is not"
    for option, value, has_effect, wants in (
        ("--device", device, is_in_memory, memory),
        ("--workers", None if workers == 1 else workers, is_in_memory, memory),
        ("--dut", dut, mode == "loop", "--in-the-loop"),
        ("--site", site, is_kept or not is_in_memory, at_site),
        ("--data", data, is_kept or not is_in_memory, at_site),
        ("--build", build or None, is_kept, "--keep: it is what a kept run is called by"),
    ):
        if value is not None and not has_effect:
            raise ConfigurationError(option, str(value), f"it goes with {wants}")


def command(names: Sequence[str], request: Request, console: Console, markdown: Path | None = None) -> int:
    """Run suites one after the other, all of them if none is named; the worst exit code, 130 when interrupted."""
    check_writable({"--markdown": markdown})
    found = [suite_of(name) for name in names or suites()]
    sections, code = list[str](), list[int]()
    try:
        for one in found:
            outcomes = run(one, request, console)
            if outcomes is None:
                console.print(f"{one.suite.suite}: this shard is done; the verdict comes once the others are")
                continue
            console.print(page.table(outcomes), page.total(one.suite, outcomes))
            sections.append(page.section(one.suite, outcomes))
            code += [exit_code(outcomes), *(one.kept for one in outcomes)]
    except KeyboardInterrupt:
        console.print("interrupted; with --output the chunks that are done are kept")
        return INTERRUPTED
    if markdown is not None:
        form = {"memory": "", "platform": " --through-platform", "loop": " --in-the-loop"}[request.mode]
        form += " --short" if request.is_short else ""
        said = f"`chelu scenario suite run{''.join(f' {name}' for name in names)}{form} --markdown docs/suites.md`"
        with writing(markdown):
            markdown.write_text("\n\n".join([f"{HEAD}{said}.", *sections]) + "\n", "utf-8")
    return worst_code(code)

"""The whole report as one HTML page that needs nothing else: no network, no scripts; light, dark and on paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from simulators.scenario.evidence import sections
from simulators.scenario.evidence.shown import Evidence, Shown, worst

SHOWN_RUNS = 10
_LINK = re.compile(r'<a href="#run-(\d+)">\d+</a>')


def report(evidence: Evidence) -> str:
    """The page; links lead only to runs that have a section."""
    runs = worst(evidence, SHOWN_RUNS)
    parts = [*sections.head(evidence), *sections.requirements(evidence)]
    if evidence.verdicts.runs > 1:
        parts += [*sections.sweep(evidence), *sections.worst_runs(runs)]
    parts += [part for one in runs for part in sections.run(one)]
    return _page(
        f"{evidence.header.title or evidence.header.scenario}: {evidence.verdicts.worst.word}", _linked("".join(parts), runs)
    )


def _linked(body: str, runs: Sequence[Shown]) -> str:
    there = {one.run for one in runs}
    return _LINK.sub(lambda found: found[0] if int(found[1]) in there else found[1], body)


def _page(title: str, body: str) -> str:
    style = files("simulators.scenario.evidence").joinpath("report.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{sections.said(title)}</title><style>\n{style}</style></head>\n<body><main>{body}</main></body></html>\n"
    )

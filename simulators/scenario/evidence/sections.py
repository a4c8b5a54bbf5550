"""The report's parts as HTML: the head, what was asked and found, and each run that is looked at."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from simulators.scenario.evidence.header import number, with_unit
from simulators.scenario.evidence.heat_map import grid, heat_map
from simulators.scenario.evidence.plots import plots
from simulators.scenario.evidence.shown import Evidence, Shown, varying
from simulators.scenario.evidence.story import told
from simulators.scenario.evidence.timeline import timeline
from simulators.scenario.evidence.top_view import top_view
from simulators.scenario.repeats import Repeats, repeats
from simulators.scenario.verdict import Judged, Outcome

MOST_REPEATS = 20


def head(evidence: Evidence) -> Iterator[str]:
    """Verdict, question, and what makes the evidence this one."""
    header, verdicts = evidence.header, evidence.verdicts
    yield f"<header><h1>{badge(verdicts.worst)} {said(header.title or header.scenario)}</h1>"
    if header.question:
        yield f'<p class="question">{said(header.question)}</p>'
    yield f"<p>{said(_counted(evidence))}</p>"
    rows = {
        "Scenario": header.scenario,
        "Clause": header.clause,
        "Under test": header.under_test,
        "Mode": header.mode,
        "Begun": header.began,
        "Tags": ", ".join(header.tags),
        **{f"Hash of {name}": value for name, value in header.hashes.items()},
        **{f"Seed of {name}": str(value) for name, value in header.seeds.items()},
        "Versions": ", ".join(f"{name} {value}" for name, value in header.versions.items()),
    }
    yield "<dl>" + "".join(f"<div><dt>{said(name)}</dt><dd>{said(value)}</dd></div>" for name, value in rows.items() if value)
    yield "</dl></header>"


def _counted(evidence: Evidence) -> str:
    verdicts = evidence.verdicts
    counts = ", ".join(f"{verdicts.count(outcome):,} {outcome.word}" for outcome in Outcome if verdicts.count(outcome))
    return f"{verdicts.runs:,} runs: {counts}." if verdicts.runs != 1 else f"One run: {counts}."


def requirements(evidence: Evidence) -> Iterator[str]:
    """A line for each requirement and validity condition over all runs."""
    for title, each in (("Requirements", evidence.verdicts.requirements), ("Validity", evidence.verdicts.validity)):
        if each:
            yield f"<section><h2>{title}</h2>"
            yield table(
                ("", "", *(outcome.word for outcome in Outcome), "worst value", "limit", "least margin", "run"),
                map(_summed, each),
            )
            yield "</section>"


def _summed(one: Judged) -> list[str]:
    outcome = Outcome(int(one.outcome.max(initial=0)))
    run = one.worst_run()
    counts = [f"{one.count(each):,}" if one.count(each) else "" for each in Outcome]
    values = [with_unit(getattr(one, name)[run], one.unit) for name in ("value", "limit", "margin")]
    clause = f'<div class="clause">{said(one.clause)}</div>' if one.clause else ""
    return [badge(outcome), said(one.title) + clause, *counts, *map(quantity, values), link(run)]


def sweep(evidence: Evidence) -> Iterator[str]:
    """The map of many cases, those that came out both ways, and the worst with links."""
    found = grid(evidence)
    if found is not None:
        yield '<section><h2>Where it passes</h2><figure class="wide">'
        yield heat_map(found)
        yield f"<figcaption>{said(_caption(evidence))}</figcaption></figure></section>"
    again = repeats(evidence.verdicts, evidence.parameters)
    if again:
        yield f"<section><h2>Cases that ran again</h2><p>{said(_repeated(again))}</p>"
        names = ("case", "runs", "passed", "pass rate, 95 %", "flake rate")
        yield table(names, map(_again, sorted(again, key=lambda one: -one.flake_rate)[:MOST_REPEATS]))
        yield "</section>"


def _again(one: Repeats) -> list[str]:
    rate = f"{one.low:.0%} … {one.high:.0%}"
    return [_case(one.parameters), f"{one.runs}", f"{one.passed} of {one.judged}", rate, f"{one.flake_rate:.0%}"]


def _case(parameters: Mapping[str, float]) -> str:
    return said(", ".join(f"{name} {value:g}" for name, value in parameters.items()))


def _repeated(again: Sequence[Repeats]) -> str:
    flaky = sum(one.is_flaky for one in again)
    shown = f" The first {MOST_REPEATS}:" if len(again) > MOST_REPEATS else ""
    return f"Cases that ran more than once: {len(again):,}; of them came out both ways: {flaky:,}.{shown}"


def _caption(evidence: Evidence) -> str:
    others = max(len(varying(evidence.parameters)) - 2, 0)
    more = f"; each cell puts the cases of {others} other parameters together" if others else ""
    return (
        f"Green: all passed; red: the darker, the more failed; the thick line runs between cells with and without failures{more}."
    )


def worst_runs(runs: Sequence[Shown]) -> Iterator[str]:
    """The worst first, each with a link to its own section."""
    if len(runs) < 2:
        return
    yield "<section><h2>The worst runs</h2>"
    yield table(("run", "", "case", "why", "decides at"), (_ranked(one) for one in runs))
    yield "</section>"


def _ranked(one: Shown) -> list[str]:
    deciding = one.deciding
    why = (
        (deciding.reason[one.run] or f"{deciding.title}: {with_unit(deciding.value[one.run], deciding.unit)}") if deciding else ""
    )
    return [link(one.run), badge(one.outcome), said(one.evidence.case(one.run)), said(str(why)), f"{number(one.decisive_s)} s"]


def run(one: Shown) -> Iterator[str]:
    """One run: from above, over time, what happened, what was measured."""
    case = one.evidence.case(one.run)
    yield f'<section class="run" id="run-{one.run}"><h2>{badge(one.outcome)} Run {one.run}</h2>'
    if case:
        yield f'<p class="case">{said(case)}</p>'
    yield f'<figure class="wide">{top_view(one)}<figcaption>{said(_seen(one))}</figcaption></figure>'
    yield f'<div class="plots">{"".join(f"<figure>{plot}</figure>" for plot in plots(one))}</div>'
    yield f'<figure class="wide">{timeline(one)}</figure>'
    yield table(("", "", "value", "limit", "margin", "at", "why"), _measured(one))
    yield "<details><summary>What happened</summary><ol>"
    yield "".join(f"<li>{event.time_s:.2f} s: {said(event.text)}</li>" for event in told(one))
    yield "</ol></details></section>"


def _seen(one: Shown) -> str:
    deciding = one.deciding
    decides = f": decides “{deciding.title}”" if deciding and np.isfinite(deciding.at_s[one.run]) else ""
    return f"At {number(one.decisive_s)} s{decides}. Solid: where everybody came from; dotted: where they went."


def _measured(one: Shown) -> Iterator[list[str]]:
    for each in (*one.evidence.verdicts.requirements, *one.evidence.verdicts.validity):
        values = [with_unit(getattr(each, name)[one.run], each.unit) for name in ("value", "limit", "margin")]
        at = with_unit(each.at_s[one.run], "s")
        yield [
            badge(each.of_run(one.run)),
            said(each.title),
            *map(quantity, (*values, at)),
            said(str(each.reason[one.run])),
        ]


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; names are words."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    columns = "".join(f"<th>{said(name)}</th>" for name in names)
    return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>'


def badge(outcome: Outcome) -> str:
    """The verdict as a coloured word."""
    return f'<span class="badge {outcome.word}">{outcome.word}</span>'


def link(number_: int) -> str:
    """To a run's section."""
    return f'<a href="#run-{number_}">{number_}</a>'


def quantity(words: str) -> str:
    """A number with its unit, on one line."""
    return said(words).replace(" ", "&nbsp;")


def said(words: str) -> str:
    """Words as HTML has them."""
    return html.escape(words)

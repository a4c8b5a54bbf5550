"""The monitors' entries of docs/monitors.md, made from the catalogue (a test compares the two)."""

from __future__ import annotations

from chelu.parameters import table
from chelu.quality.monitors.catalogue import MONITORS
from chelu.quality.monitors.monitor import Monitor

ABOUT_PART = {"": "", "phase": ", by phase", "lane": ", by lane", "place": ", by place"}


def entry(monitor: Monitor) -> str:
    """One monitor's section."""
    about = (
        f"### {monitor.name}\n\n**{monitor.title}.** {monitor.about}\n\n"
        f"- **Formula**{ABOUT_PART[monitor.part.value]}: {monitor.formula}. Value: {monitor.unit}.\n"
        f"- **Source**: {monitor.source}.\n"
        f"- **What to do**: {monitor.action}\n"
    )
    return f"{about}\n{table(monitor.parameters)}\n"


def overview() -> str:
    """All of them in a table."""
    rows = ["| monitor | tells that | a verdict from | told beyond |", "|---|---|---|---|"]
    for one in MONITORS:
        usual = one.parameters()
        share = f"{100 * usual.most_bad:g} % bad" if usual.most_bad else "one bad"
        rows.append(f"| [{one.name}](#{one.name}) | {one.about} | {usual.fewest:g} items | {share} |")
    return "\n".join(rows)


def entries() -> str:
    """All sections, in the catalogue's order."""
    return "\n".join(entry(one) for one in MONITORS)

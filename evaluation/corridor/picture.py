"""The picture of a corridor: the ambulance's way over time without and with it, and what it cost the others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

WITHOUT, WITH = "#b0413e", "#2a6f97"


def draw(done: Mapping[str, Any], found: Mapping[str, Any], file: Path) -> None:
    """As PNG or SVG, by the file's name."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = found["runs"]
    figure, (way, others) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for row in rows:
        for arm, colour in (("none", WITHOUT), ("corridor", WITH)):
            path = np.array(done[f"{row['seed']}/{arm}"]["path"])
            label = {"none": "without", "corridor": "with a corridor"}[arm] if row is rows[0] else None
            way.plot(path[:, 0], path[:, 1], color=colour, alpha=0.7, lw=1.4, label=label)
    way.set(
        xlabel="seconds since it set out", ylabel="metres driven", title=f"The ambulance's way; {len(rows)} seeds, a line each"
    )
    way.legend(frameon=False)
    after = min(len(done[f"{row['seed']}/none"]["queues"]) for row in rows)
    more = np.mean(
        [
            np.array(done[f"{row['seed']}/corridor"]["queues"][:after]) - np.array(done[f"{row['seed']}/none"]["queues"][:after])
            for row in rows
        ],
        axis=0,
    )
    smooth = np.convolve(more, np.full(30, 1 / 30), mode="same")
    seconds = np.arange(after) - 600
    others.axhline(0, color="#999", lw=0.8)
    others.plot(seconds, smooth, color=WITH)
    others.axvspan(0, float(np.mean([row["with_s"] for row in rows])), color=WITH, alpha=0.12, lw=0)
    others.set(
        xlabel="seconds since it set out (shaded: on its way)",
        ylabel="vehicles, mean of all seeds over 30 s",
        title="How many more stand before lights than without a corridor",
    )
    figure.savefig(file, dpi=130)
    plt.close(figure)

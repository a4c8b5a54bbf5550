"""Metrics of a recording that is judged: how well it saw, and whether its clock can be believed."""

from __future__ import annotations

from simulators.scenario.metrics.metric import Metric, of_rig

NOT_ELSEWHERE = "Not measured of what is no recording."

METRICS = (
    Metric(
        name="aborted",
        unit="",
        parties=(0,),
        formula="1 if the run on the track was not done, else 0",
        about="Whether a run on the track has come to its end.",
        edges="Not measured without `--track`.",
        measure=of_rig("aborted"),
        is_windowed=False,
    ),
    Metric(
        name="sample_gap_s",
        unit="s",
        parties=(0,),
        formula="the longest time between two samples of an actor",
        about="For how long the recording lost somebody.",
        edges=NOT_ELSEWHERE,
        measure=of_rig("sample_gap_s"),
        is_windowed=False,
    ),
    Metric(
        name="clock_steps",
        unit="",
        parties=(0,),
        formula="samples of an actor that stand behind a later one in the file",
        about="Whether the recording's clock has gone back.",
        edges="0 where a form keeps its samples in order of time. " + NOT_ELSEWHERE,
        measure=of_rig("clock_steps"),
        is_windowed=False,
    ),
)

"""Is what a site sends right, as a whole and over hours? Monitors of stored and live streams: arrays in, judgements out.

Rows of an hour or of a minute become a `window`; each monitor of the `catalogue` looks at it and gives `judged` items: good, bad
or, with the reason, not judged. From these come `events` (when something began to be wrong), `assessments` (of an hour, of a
day) and `notifications`. An item belongs to the one window its time lies in, so nothing is counted twice, and what cannot be
judged is counted and never called right or wrong. docs/monitors.md has every monitor.
"""

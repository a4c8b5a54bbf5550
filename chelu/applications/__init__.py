"""The warning applications of T/CSAE 53-2020's first phase that Chelu has, by the names that warnings carry on the wire."""

from __future__ import annotations

from collections.abc import Mapping

WARNING_APPLICATIONS: Mapping[str, str] = {
    "fcw": "forward collision",
    "icw": "intersection collision",
    "lta": "left turn assist",
    "lcw": "blind spot and lane change",
    "dnpw": "do not pass",
    "ebw": "emergency braking ahead",
    "avw": "abnormal vehicle",
    "clw": "control lost ahead",
    "hlw": "hazardous location",
    "slw": "speed limit",
    "svw": "signal violation",
    "vrucw": "vulnerable road user collision",
    "glosa": "green light optimal speed",
    "ivs": "in-vehicle signage",
    "tjw": "traffic jam ahead",
    "evw": "emergency vehicle",
}
LONGEST_NAME = 16  # characters

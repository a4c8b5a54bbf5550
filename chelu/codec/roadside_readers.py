"""Which reader a topic's JSON is for, by the topic's pattern: ingest and inference take them all the same way."""

from __future__ import annotations

from collections.abc import Mapping

from chelu.codec.openv2x import read_rsm
from chelu.codec.openv2x_rsi import read_rsi
from chelu.codec.roadside import Reader

READERS: Mapping[str, Reader] = {
    "V2X/RSU/{id}/RSM/UP": read_rsm,
    "V2X/RSU/{id}/RSI/UP": read_rsi,
}

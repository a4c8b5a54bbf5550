"""What a load has sent, counted as it leaves: by stream, by device, and how late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simulators.load.portion import Portion

Ints = npt.NDArray[np.int64]

LAG_STEP_US = 100
LAG_STEPS = 100_000  # the last one stands for everything from 10 s on


class Books:
    """Owned by the load's thread. `frames_of[stream]`: (devices,) what each device believes it has sent."""

    def __init__(self, streams: Sequence[str], devices: int) -> None:
        self.messages, self.frames, self.rows, self.bytes = (Counter(dict.fromkeys(streams, 0)) for _ in range(4))
        self.unsent: Counter[str] = Counter()  # messages that were due while their session was away, or went down with it
        self.skipped: Counter[str] = Counter()  # messages passed over when the load was too far behind
        self.frames_of = {stream: np.zeros(devices, np.int64) for stream in streams}
        self.faults: Counter[str] = Counter()
        self._lag = np.zeros(LAG_STEPS, np.int64)
        self.most_lag_us = 0

    def sent(self, portion: Portion, now_us: int) -> None:
        """All of a portion is written to the socket, at this instant since the load's beginning."""
        stream = portion.stream
        self.messages[stream] += len(portion)
        self.frames[stream] += int(portion.frames.sum())
        self.rows[stream] += int(portion.rows.sum())
        self.bytes[stream] += int((portion.stop - portion.start).sum())
        np.add.at(self.frames_of[stream], portion.device, portion.frames)
        lag_us = np.maximum(0, now_us - portion.due_us)
        self.most_lag_us = max(self.most_lag_us, int(lag_us.max()))
        np.add.at(self._lag, np.minimum(lag_us // LAG_STEP_US, LAG_STEPS - 1), 1)

    def believed(self, portion: Portion, sign: int) -> None:
        """The devices believe that they sent these once more (1), or do not know that they did (-1)."""
        np.add.at(self.frames_of[portion.stream], portion.device, sign * portion.frames)

    def lag_ms(self, percent: float) -> float:
        """The lag in ms, to 0.1, that this share of the messages stayed within."""
        total = np.cumsum(self._lag)
        if not total[-1]:
            return 0.0
        return float(np.searchsorted(total, total[-1] * percent / 100) + 1) * LAG_STEP_US / 1000

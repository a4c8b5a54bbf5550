"""Rows of BSM, participants and signal phases on their way into the database: header, checks, flags. Pure."""

from __future__ import annotations

import numpy as np

from chelu.messages import Batch, DropReason, Frames
from chelu.quality.checks import Hearing, Memory
from services.ingest.frames import Instants, is_absurd
from services.ingest.prepared import Refusal
from services.ingest.quality import check_stream
from services.ingest.work import Rules, Work, put


def store_stream(
    work: Work, table: str, rows: Batch, frames: Frames, heard_us: Instants, memory: Memory, rules: Rules
) -> tuple[Memory, int]:
    """Check rows (n,) and add them to their table; gives what is remembered of their senders, and the messages they miss.

    The rows have ``frame``, a place among the frames, whose `source` is the message in the batch; heard_us: (n,).
    """
    rows = rows.with_columns(heard_us=heard_us)
    batch = _without_absurd(work, _with_header(work, rows, frames), frames)
    source = batch["message"]
    hearing = Hearing(batch["heard_us"], batch["arrival_us"], work.may_have_waited[source])
    batch = Batch({name: column for name, column in batch.columns.items() if name != "heard_us"})
    checked = check_stream(table, batch, hearing, memory, rules.streams[table])
    put(work, table, batch.with_columns(flags=checked.flags))
    work.rows += np.bincount(source, minlength=len(work.messages))
    return checked.memory, int(checked.missing.sum())


def _with_header(work: Work, rows: Batch, frames: Frames) -> Batch:
    """The rows in the order of their frames, with what the header needs except `flags` and `batch_id`."""
    frame = rows["frame"]
    if np.any(frame[1:] < frame[:-1]):
        rows = rows.take(np.argsort(frame, kind="stable"))
    source = frames.source[rows["frame"]]
    return rows.with_columns(
        message=source, arrival_us=work.messages.arrival_us[source], device_key=work.routes.device_key[work.route[source]]
    )


def _without_absurd(work: Work, batch: Batch, frames: Frames) -> Batch:
    """Rows whose time no clock shows are refused: a SPAT's minute of the year may be anything."""
    absurd = is_absurd(batch["time_us"], batch["arrival_us"])
    if not absurd.any():
        return batch
    for row in np.flatnonzero(absurd).tolist():
        detail = f"the event time {batch['time_us'][row]} µs is outside 2000-01-01 … a day after its arrival"
        payload = frames.frame(int(batch["frame"][row]))
        work.refusals.append(Refusal(int(batch["message"][row]), DropReason.OUT_OF_RANGE, detail, payload))
    return batch.take(~absurd)

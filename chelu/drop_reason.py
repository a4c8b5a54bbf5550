"""Why a row was not stored: apart from the columns, so that a command that names a reason needs no numpy."""

from __future__ import annotations

import enum


class DropReason(enum.StrEnum):
    """Why a row was not stored. The order is that of the accounting tables and of the documents."""

    TRUNCATED = "truncated"
    OVERLONG = "overlong"
    UNDECODABLE = "undecodable"
    WRONG_VERSION = "wrong_version"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE = "duplicate"
    UNREGISTERED = "unregistered"
    UNKNOWN_TOPIC = "unknown_topic"
    QUEUE_FULL = "queue_full"

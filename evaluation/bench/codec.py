"""UPER as columns against asn1tools on the same frames: decode (grouping and SI batches included) and encode.

The mix of design §5: half core BSMs, 30 % with optionals in four profiles, 20 % with a path history of 1..23 points; beside it,
for information, BSMs each of which has a random shape.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import spec
from chelu.messages import BSM, PARTICIPANT, Batch, Frames, Stream, frames_of
from evaluation.bench.report import Rates, Ratio, interleaved

SEED = 20240
ROWS = 16_384
PLAIN_FRAMES = 512
BATCHES = 8  # ours works on so many batches a turn: both sides work for tens of milliseconds, as in a stream
START_US = 1_700_000_000_000_000
KEYS = {
    "decode BSM mix": "decode_bsm_vs_asn1tools",
    "decode BSM core": "decode_bsm_core_vs_asn1tools",
    "decode RSM of 16": "decode_rsm16_vs_asn1tools",
    "encode BSM mix": "encode_bsm_vs_asn1tools",
}  # the bars of design §5 by path
PLACE = (29.56, 106.55, 240.0)  # Chongqing

ACCURACY = ("semi_major_m", "semi_minor_m", "semi_major_orientation_deg", "time_confidence")
CONFIDENCE = ("position_confidence", "elevation_confidence", "speed_confidence", "heading_confidence", "steering_confidence")
DRIVING = ("steering_angle_deg", "events", "lights")
EMERGENCY = ("response_type", "siren", "lightbar", "fuel_type")
EXTRAS = (*ACCURACY, *CONFIDENCE, *DRIVING, *EMERGENCY, "path_radius_m", "path_confidence")
PROFILES = (ACCURACY, (*ACCURACY, *CONFIDENCE), (*CONFIDENCE, *DRIVING), (*DRIVING, *EMERGENCY))


def run(*, quick: bool = False) -> list[Ratio]:
    """Messages per second of both sides; quick: fewer rows and rounds."""
    rows, rounds = (4096, 3) if quick else (ROWS, 7)
    random = np.random.default_rng(SEED)
    core = (_vehicles(random, rows, ()), None)
    mix = _mix(random, rows)
    shapes = (_random_shapes(random, rows), None)
    found = []
    for name, (batch, points), bar in (("BSM core", core, 60), ("BSM mix", mix, 100), ("BSM random shapes", shapes, None)):
        frames = cv2x.encode_bsm(batch, points)
        found.append(_decode(f"decode {name}", frames, bar, rounds))
        if name != "BSM random shapes":
            write = _bsm_writer(batch, points)
            found.append(_encode(f"encode {name}", frames, write, 60 if "mix" in name else None, rounds))
    frames, participants = rsm(random, rows // 16)
    found.append(_decode("decode RSM of 16", frames, 60, rounds))
    found.append(_encode("encode RSM of 16", frames, _rsm_writer(participants, len(frames)), 60, rounds))
    return found


def _bsm_writer(batch: Batch, points: Batch | None) -> Callable[[], int]:
    return lambda: sum(len(cv2x.encode_bsm(batch, points)) for _ in range(BATCHES))


def _rsm_writer(batch: Batch, frames: int) -> Callable[[], int]:
    place = np.tile(PLACE, (frames, 1))
    return lambda: sum(len(cv2x.encode_rsm(batch, reference_position=place)) for _ in range(BATCHES))


def _sample(frames: Frames) -> list[bytes]:
    step = max(1, len(frames) // PLAIN_FRAMES)
    return [frames.frame(row) for row in range(0, len(frames), step)]


def _decode(path: str, frames: Frames, bar: float | None, rounds: int) -> Ratio:
    plain, decode = _sample(frames), spec().slow.decode

    def ours() -> int:
        if any(len(cv2x.decode(frames).rejects) for _ in range(BATCHES)):
            raise ValueError("a frame of the benchmark was refused")
        return BATCHES * len(frames)

    def theirs() -> int:
        return len([decode(frame) for frame in plain])

    return Ratio(path, *_rates(ours, theirs, rounds), "messages", bar, KEYS.get(path, ""))


def _encode(path: str, frames: Frames, ours: Callable[[], int], bar: float | None, rounds: int) -> Ratio:
    slow = spec().slow
    values = [slow.decode(frame) for frame in _sample(frames)]

    def theirs() -> int:
        for value in values:
            slow.check_types(value)  # as its public `encode` does unless told otherwise; ours checks ranges too
            slow.encode(value)
        return len(values)

    return Ratio(path, *_rates(ours, theirs, rounds), "messages", bar, KEYS.get(path, ""))


def _rates(ours: Callable[[], int], theirs: Callable[[], int], rounds: int) -> tuple[Rates, str, Rates]:
    ours()
    fast, slow = interleaved(ours, theirs, rounds=rounds)
    return fast, "asn1tools", slow


def _filled(stream: Stream, random: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Every column with small, legal values; masks true."""
    columns: dict[str, np.ndarray] = {}
    for name, dtype in stream.dtypes().items():
        if dtype.kind == "b":
            columns[name] = np.ones(rows, np.bool_)
        elif dtype.kind == "f":
            columns[name] = random.uniform(0.5, 0.9, rows)
        else:
            columns[name] = random.integers(1, 2, rows).astype(dtype)
    columns["time_us"] = START_US + random.integers(0, 10_000_000, rows) // 1000 * 1000
    columns["sec_mark_ms"] = (columns["time_us"] // 1000 % 60_000).astype(np.uint16)
    for name, low, high in (
        ("latitude_deg", 29.5601, 29.563),
        ("longitude_deg", 106.5501, 106.553),
        ("elevation_m", 241, 290),
        ("speed_mps", 0, 33),
        ("heading_deg", 0, 359),
        ("length_m", 3, 12),
        ("width_m", 1.5, 2.5),
        ("height_m", 1.2, 3.5),
    ):
        columns[name] = random.uniform(low, high, rows)
    return columns


def _without(columns: dict[str, np.ndarray], name: str, rows: np.ndarray) -> None:
    if name + "_valid" in columns:
        columns[name + "_valid"][rows] = False
    else:
        columns[name][rows] = np.nan


def _vehicles(random: np.random.Generator, rows: int, extras: tuple[str, ...]) -> Batch:
    columns = _filled(BSM, random, rows)
    columns["vehicle_id"] = random.integers(0, 2**63, rows).astype(np.uint64)
    for name in EXTRAS:
        if name not in extras:
            _without(columns, name, np.ones(rows, np.bool_))
    return Batch(columns)


def _random_shapes(random: np.random.Generator, rows: int) -> Batch:
    batch = _vehicles(random, rows, EXTRAS)
    columns = dict(batch.columns)
    for name in (*EXTRAS, "elevation_m", "height_m", "brake_pedal", "wheel_brakes", "abs", "aux_brakes"):
        _without(columns, name, random.random(rows) < 0.5)
    return Batch(columns)


def _mix(random: np.random.Generator, rows: int) -> tuple[Batch, Batch]:
    profile = random.permutation(np.repeat(np.arange(3), [rows // 2, rows * 3 // 10, rows - rows // 2 - rows * 3 // 10]))
    which = np.where(profile == 1, random.integers(0, len(PROFILES), rows), -1)
    columns = dict(_vehicles(random, rows, EXTRAS).columns)
    for name in EXTRAS:
        has_it = np.isin(which, [number for number, names in enumerate(PROFILES) if name in names])
        _without(columns, name, ~has_it)
    row = np.repeat(np.flatnonzero(profile == 2), random.integers(1, 24, int((profile == 2).sum())))
    return Batch(columns), _points(random, row)


def _points(random: np.random.Generator, row: np.ndarray) -> Batch:
    count = len(row)
    return Batch(
        {
            "row": row,
            "latitude_deg": random.uniform(29.5601, 29.563, count),
            "longitude_deg": random.uniform(106.5501, 106.553, count),
            "elevation_m": random.uniform(241, 290, count),
            "age_s": random.uniform(0.1, 60, count),
            "speed_mps": random.uniform(0, 33, count),
            "heading_deg": np.where(random.random(count) < 0.5, random.uniform(0, 359, count), np.nan),
            "position_confidence": np.zeros(count, np.uint8),
            "position_confidence_valid": np.zeros(count, np.bool_),
            "elevation_confidence": np.zeros(count, np.uint8),
            "elevation_confidence_valid": np.zeros(count, np.bool_),
        }
    )


def rsm(random: np.random.Generator, frames: int) -> tuple[Frames, Batch]:
    """RSMs of 16 participants, and those as rows."""
    rows = 16 * frames
    columns = _filled(PARTICIPANT, random, rows)
    columns["participant_id"] = random.integers(0, 65536, rows).astype(np.uint16)
    for name in ("vehicle_id", "steering_angle_deg", "transmission", "fuel_type"):
        _without(columns, name, random.random(rows) < 0.5)
    batch = Batch(columns).with_columns(frame=np.repeat(np.arange(frames), 16))
    return cv2x.encode_rsm(batch, reference_position=np.tile(PLACE, (frames, 1))), batch


def example(rows: int = 1024) -> Frames:
    """The mix as frames, for tests that time one batch."""
    batch, points = _mix(np.random.default_rng(SEED), rows)
    return frames_of([frame for row in [cv2x.encode_bsm(batch, points)] for frame in map(row.frame, range(rows))], START_US)

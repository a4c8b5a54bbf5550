"""The inbox's columns say the same as a reading one message at a time, whatever comes, however it is cut into batches."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.bus import Received, messages_of
from chelu.codec.envelope import Envelope, pack
from chelu.geo import LocalFrame
from chelu.topics import Kind
from services.inference.inbox import Inbox
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Reports
from tests.unit.inference import plain_inbox

NOW_US = 1_700_000_012_300_000
CASES = Path(__file__).parents[2] / "data" / "cv2x"
FRAMES = {
    name: bytes.fromhex((CASES / name / "frame.hex").read_text()) for name in ("bsm_core", "bsm_emergency", "bsm_path_history")
}
RSM, SPAT, RSI = (
    bytes.fromhex((CASES / name / "frame.hex").read_text())
    for name in ("rsm_16_participants", "spat_two_phases", "rsi_event_and_sign")
)
DEVICES = (
    Device(1, "auto", Kind.OBU, "north", Envelope.AUTO, 0),
    Device(2, "plain", Kind.OBU, "south", Envelope.BARE, 0),
    Device(3, "deployed", Kind.RSU, "north", Envelope.DEPLOYED, 0),
    Device(4, "big", Kind.RSU, "south", Envelope.TITS_0117_BE, 0),
    Device(5, "little", Kind.RSU, "north", Envelope.TITS_0117_LE, 0),
    Device(6, "any", Kind.RSU, "north", Envelope.AUTO, 0),
    Device(7, "nowhere", Kind.OBU, "a site that is gone", Envelope.AUTO, 0),
)
SITES = {name: SiteEntry(name, LocalFrame(29.5 + place, 106.5, 250.0), None, 0) for place, name in enumerate(("north", "south"))}
SENDERS = [f"{one.kind}/{one.device_id}" for one in DEVICES] + ["obu/stranger", "rsu/auto", "obu/big"]
WRITTEN = [one for one in Envelope if one is not Envelope.AUTO]


def _register(owner_of: dict[int, int]) -> Register:
    return Register({one.device_id: one for one in DEVICES}, {one.key: one for one in DEVICES}, SITES, owner_of)


@st.composite
def received(draw: st.DrawFn) -> Received:
    """A message of anybody on any topic, packed in the right or in a wrong envelope, and perhaps damaged."""
    sender, stream = draw(st.sampled_from(SENDERS)), draw(st.sampled_from(["bsm", "bsm", "rsm", "spat", "rsi", "info"]))
    is_bsm = stream == "bsm"
    pool = list(FRAMES.values()) if is_bsm else [{"rsm": RSM, "spat": SPAT}.get(stream, RSI)]
    written = draw(st.sampled_from([*WRITTEN, *(one.envelope for one in DEVICES if sender.endswith(one.device_id))]))
    written = Envelope.BARE if written is Envelope.AUTO else written
    most = 3 if written is not Envelope.BARE and (is_bsm or written is not Envelope.DEPLOYED) else 1
    frames = draw(st.lists(st.sampled_from([*pool, RSI]), min_size=1, max_size=most))
    payload = bytearray(pack(written, frames, device_id=b"RSU00001", reference_us=NOW_US, is_bsm=is_bsm))
    if draw(st.integers(0, 3)) == 0:
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
        payload = payload[: draw(st.integers(0, len(payload)))]
    return Received(f"{sender}/{stream}/up", bytes(payload), 0, NOW_US + draw(st.integers(0, 50_000)), 0, None, retained=False)


def _equal(ours: Reports, theirs: Reports) -> None:
    for one in fields(Reports):
        np.testing.assert_array_equal(getattr(ours, one.name), getattr(theirs, one.name), err_msg=one.name)


def _own_ids() -> list[int]:
    """The vehicle ids that the frames carry."""
    inbox = Inbox(_register({}))
    came = [Received("obu/plain/bsm/up", frame, 0, NOW_US, 0, None, retained=False) for frame in FRAMES.values()]
    return sorted(set(inbox.read(messages_of(came))["south"].reports.key.tolist()))


OWN_IDS = _own_ids()


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(received(), max_size=25), st.dictionaries(st.sampled_from(OWN_IDS), st.integers(1, 7)))
def test_columns_say_what_a_reading_one_by_one_says(came: list[Received], owner_of: dict[int, int]) -> None:
    owner_of = {key: device for device, key in {device: key for key, device in owner_of.items()}.items()}
    inbox = Inbox(_register(owner_of))
    found = inbox.read(messages_of(came))
    expected, counts = plain_inbox.read(came, _register(owner_of))
    assert set(found) == set(expected)
    for site, (reports, spat, told) in expected.items():
        events = found[site].events
        assert [(one.source, one.said, one.heard_us) for one in events] == [(one.source, one.said, one.heard_us) for one in told]
        _equal(found[site].reports, reports)
        assert len(found[site].spat) == (len(spat) if spat else 0)
        if spat:
            for name in set(spat) - {"frame"}:
                np.testing.assert_array_equal(found[site].spat[name], spat[name], err_msg=name)
    assert inbox.counts == +counts


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(received(), max_size=25), st.lists(st.integers(0, 25), max_size=4), st.booleans())
def test_how_messages_are_cut_into_batches_and_numbered_changes_nothing(came, cuts, is_renumbered) -> None:
    whole, parts = Inbox(_register({})), Inbox(_register({}))
    messages = messages_of(came)
    rows = whole.read(messages)
    edges = sorted({0, len(came), *(min(cut, len(came)) for cut in cuts)})
    found: dict[str, int] = {}
    for start, stop in pairwise(edges):
        piece = messages_of(came[start:stop]) if is_renumbered else messages.take(slice(start, stop))
        for site, intake in parts.read(piece).items():
            found[site] = found.get(site, 0) + len(intake.reports)
    assert found == {site: len(intake.reports) for site, intake in rows.items()}
    assert whole.counts == parts.counts


def test_topics_that_are_new_to_a_growing_list_are_looked_up_and_a_new_list_begins_anew() -> None:
    names, frame = ["obu/plain/bsm/up"], FRAMES["bsm_core"]
    one = messages_of([Received(names[0], frame, 0, NOW_US, 0, None, retained=False)])
    inbox = Inbox(_register({}))

    def said(number: int, topics: list[str]) -> set[str]:
        columns = {name: getattr(one, name) for name in one.__dataclass_fields__}
        return set(inbox.read(type(one)(**{**columns, "topic": np.array([number], np.int32), "topics": topics})))

    assert said(0, names) == {"south"}
    names.append("obu/auto/bsm/up")
    assert said(1, names) == {"north"}
    assert said(0, ["obu/stranger/bsm/up"]) == set()

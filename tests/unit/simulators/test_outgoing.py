from __future__ import annotations

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Frames
from chelu.topics import Kind
from simulators.fleet import fleet_of, records, site_of
from simulators.kinematics import course, rates
from simulators.outgoing import frame_of, rank_within
from simulators.replay import composer
from simulators.scene import SIGNAL, Role, Scene, Slice, empty, in_memory, merged, vehicle_ids
from tests.unit.simulators.parts import ORIGIN, JsonEncoder, actors, driving, samples, signals


class Rows(JsonEncoder):
    """Remembers the batches it is given."""

    def __init__(self) -> None:
        self.seen: list[Batch] = []

    def bsm(self, rows: Batch) -> Frames:
        self.seen.append(rows)
        return super().bsm(rows)

    def spat(self, rows: Batch) -> Frames:
        self.seen.append(rows)
        return super().spat(rows)


def encoded(scene: Scene, piece: Slice) -> Batch:
    rows = Rows()
    event_us, signal_us = (batch["time_ms"] * 1000 for batch in (piece.samples, piece.signals))
    composer(scene, fleet_of(scene, "site"), rows, seed=0).parcels(piece, event_us, signal_us)
    return rows.seen[0]


def test_a_bsm_has_every_column_of_the_stream_and_the_samples_place() -> None:
    scene = driving(0.2)
    piece = scene.read(scene.begin_ms, scene.end_ms)
    rows = encoded(scene, piece)
    assert {name: rows[name].dtype for name in BSM.dtypes()} == BSM.dtypes()
    local = LocalFrame(ORIGIN.latitude_deg, ORIGIN.longitude_deg, ORIGIN.elevation_m).to_local(
        rows["latitude_deg"], rows["longitude_deg"], rows["elevation_m"]
    )
    np.testing.assert_allclose(local[:, 0], piece.samples["x_m"], atol=1e-6)
    np.testing.assert_allclose(local[:, 2], piece.samples["z_m"], atol=1e-6)
    assert rows["sec_mark_ms"].tolist() == [5000, 5000, 5100, 5100]
    assert (rows["vehicle_class"] == 10).all()


def test_a_pedestrian_is_a_participant_of_type_3() -> None:
    scene = in_memory("people", ORIGIN, actors(Role.PERCEIVED), samples([(0, 0)]), empty(SIGNAL))
    rows = encoded(scene, scene.read(0, 1))
    assert {name: rows[name].dtype for name in PARTICIPANT.dtypes()} == PARTICIPANT.dtypes()
    assert rows["participant_type"].tolist() == [3]


def test_a_light_says_when_it_ends() -> None:
    scene = in_memory("lights", ORIGIN, actors(), samples([]), signals([(0, 1, 3, 4.2), (0, 2, 6, np.nan)]))
    rows = encoded(scene, scene.read(0, 1))
    assert {name: rows[name].dtype for name in SPAT.dtypes()} == SPAT.dtypes()
    np.testing.assert_allclose(rows["likely_end_s"], [4.2, np.nan])


def test_what_no_wire_can_carry_is_limited() -> None:
    scene = driving(0.1, cars=1)
    piece = scene.read(scene.begin_ms, scene.end_ms)
    wild = piece.samples.with_columns(yaw_rate_dps=np.array([-900.0]), acceleration_mps2=np.array([104.0]))
    rows = encoded(scene, Slice(wild, piece.signals))
    assert (rows["yaw_rate_dps"][0], rows["acceleration_longitudinal_mps2"][0]) == (-327.67, 20.0)


def test_ranks_count_within_their_group() -> None:
    assert rank_within(np.array([5, 3, 5, 5, 3])).tolist() == [0, 0, 1, 2, 1]
    assert rank_within(np.empty(0, np.int64)).tolist() == []


def test_a_frame_ends_with_its_time_its_group_or_when_full() -> None:
    times = np.array([0, 0, 0, 0, 0, 100, 100])
    assert frame_of(times, 2).tolist() == [0, 0, 1, 1, 2, 3, 3]
    assert frame_of(times, 16, np.array([1, 1, 2, 2, 2, 2, 3])).tolist() == [0, 0, 1, 1, 1, 2, 3]


def test_vehicle_ids_are_the_same_in_every_run_and_different_at_every_site() -> None:
    names = np.array(["1", "2"])
    one = vehicle_ids("here", names)
    assert one.tolist() == vehicle_ids("here", names).tolist()
    assert len({*one.tolist(), *vehicle_ids("there", names).tolist()}) == 4


def test_a_fleet_is_registered_gateway_first_and_only_the_gateway_with_a_secret() -> None:
    scene = in_memory("mixed", ORIGIN, actors(Role.OBU, Role.PERCEIVED), samples([(0, 0), (0, 1)]), empty(SIGNAL))
    fleet = fleet_of(scene, "site")
    told = records(fleet, ORIGIN)
    assert [(one.kind, one.device_id, one.parent) for one in told] == [
        (Kind.GATEWAY, "site-replay", None),
        (Kind.RSU, "site-rsu", "site-replay"),
        (Kind.OBU, "site-obu-a0", "site-replay"),
    ]
    assert told[2].vehicle_id == f"{int(fleet.vehicle_ids[0]):016x}"


@pytest.mark.parametrize("site", ["", "a b", "x" * 25, "Chongqing/1"])
def test_a_site_of_no_id_is_refused(site: str) -> None:
    with pytest.raises(ConfigurationError, match="site"):
        fleet_of(driving(0.1), site)


def test_a_recordings_name_makes_a_sites_id() -> None:
    scene = in_memory("Straße 5 / Süd, a long name indeed", ORIGIN, actors(Role.OBU), samples([(0, 0)]), empty(SIGNAL))
    assert fleet_of(scene, site_of(scene)).site == "Stra-e-5-S-d-a-long-name"


def test_merged_scenes_keep_the_first_ones_rows_and_leave_out_who_is_taken_off() -> None:
    both = merged(driving(0.2), driving(0.2, cars=1), without=np.array([0]))
    rows = both.read(both.begin_ms, both.end_ms).samples
    assert rows["actor"].tolist() == [1, 2, 1, 2]
    assert len(both.actors) == 3


def test_rates_are_one_sided_at_ends_and_gaps_and_nothing_alone() -> None:
    actor, time = np.array([0, 0, 0, 0, 1]), np.array([0.0, 100.0, 200.0, 5000.0, 0.0])
    acceleration, yaw = rates(actor, time, np.array([0.0, 0.1, 0.4, 9.0, 7.0]), np.array([359.0, 0.0, 1.0, 90.0, 5.0]))
    np.testing.assert_allclose(acceleration, [1.0, 2.0, 3.0, 0.0, 0.0])
    np.testing.assert_allclose(yaw, [10.0, 10.0, 10.0, 0.0, 0.0], atol=1e-9)


def test_a_course_is_a_compass_heading_and_unknown_when_standing() -> None:
    speed, heading = course(np.array([1.0, 0.0, -1.0, 0.0]), np.array([0.0, 2.0, -1.0, 0.01]))
    np.testing.assert_allclose(speed, [1.0, 2.0, np.sqrt(2), 0.01])
    np.testing.assert_allclose(heading, [90.0, 0.0, 225.0, np.nan])

"""One example of each message of cooperation, as docs/formats/coop.md shows them; the tests hold them to the schemas."""

from __future__ import annotations

from typing import Any

TIME_US = 1_777_622_400_000_000
SECOND_US = 1_000_000
Document = dict[str, Any]

PLACE = {"latitude_deg": 29.5332, "longitude_deg": 106.503, "elevation_m": 245.0}
AHEAD = {"latitude_deg": 29.534, "longitude_deg": 106.5036}
GATE, HILL = {"region": 500, "id": 12}, {"region": 500, "id": 13}
INNER = {"upstream": GATE, "downstream": HILL, "lane": 1}
OUTER = {"upstream": GATE, "downstream": HILL, "lane": 2}
MOTION = {"place": PLACE, "speed_mps": 13.9, "heading_deg": 32.5, "lane": OUTER}
CAR = {"length_m": 4.6, "width_m": 1.8, "height_m": 1.5}
AREA = {"centre": AHEAD, "radius_m": 80.0}
PATH = [{"place": PLACE, "speed_mps": 13.9}, {"place": AHEAD, "time_us": TIME_US + 8 * SECOND_US, "speed_mps": 11.0}]
SIGNAL = {"intersection": HILL, "approach": INNER, "arrival_in_s": 12.0}

_BODIES: dict[str, Document] = {
    "sensor_sharing.request": {"area": AREA, "duration_s": 10.0},
    "sensor_sharing.answer": {"answers": 41, "decision": "granted", "period_s": 0.1, "until_us": TIME_US + 10 * SECOND_US},
    "sensor_sharing.objects": {
        "objects": [
            {
                "id": 17,
                "kind": "pedestrian",
                "motion": {"place": AHEAD, "speed_mps": 1.3, "heading_deg": 270.0},
                "source": "fused",
                "confidence": 0.92,
                "age_s": 0.08,
            }
        ]
    },
    "lane_change.request": {
        "motion": MOTION,
        "size": CAR,
        "from_lane": OUTER,
        "to_lane": INNER,
        "start_in_s": 2.0,
        "duration_s": 4.0,
        "why": "exit",
    },
    "lane_change.answer": {"answers": 41, "decision": "granted", "path": PATH, "speed_mps": 12.5},
    "lane_change.yield": {"for_vehicle": "obu-0007", "lane": INNER, "gap_m": 18.0, "duration_s": 6.0},
    "lane_change.consent": {"answers": 45, "decision": "granted"},
    "lane_change.outcome": {"answers": 41, "outcome": "done"},
    "merge.request": {"motion": MOTION, "size": CAR, "ramp": OUTER, "main_line": INNER, "arrival_in_s": 9.5},
    "merge.guidance": {
        "answers": 42,
        "decision": "granted",
        "ahead": "obu-0011",
        "behind": "obu-0012",
        "arrival_us": TIME_US + 10 * SECOND_US,
        "speed_mps": 16.0,
    },
    "intersection.request": {
        "intersection": HILL,
        "approach": INNER,
        "exit": {"upstream": HILL, "downstream": GATE, "lane": 1},
        "motion": MOTION,
        "size": CAR,
        "arrival_in_s": 7.0,
    },
    "intersection.reservation": {
        "answers": 43,
        "decision": "granted",
        "slots": [{"zone": 3, "from_us": TIME_US + 7 * SECOND_US, "duration_s": 2.5}],
        "speed_mps": 10.0,
    },
    "intersection.release": {"answers": 43, "outcome": "crossed"},
    "correction.request": {"motion": MOTION, "constellations": ["beidou", "gps"], "duration_s": 600.0},
    "correction.data": {"station": 12, "message": 1124, "data": "0wATPtABA0P8D4GEgIA=", "age_s": 0.4},
    "lane_management.plan": {
        "lanes": [{"lane": INNER, "use": "bus", "speed_limit_mps": 13.89}, {"lane": OUTER, "use": "open"}],
        "from_us": TIME_US + 60 * SECOND_US,
        "duration_s": 7200.0,
        "reason": "evening peak",
    },
    "lane_management.state": {"answers": 7, "lanes": [{"lane": INNER, "use": "bus"}]},
    "priority.request": {
        "role": "ambulance",
        "urgency": 7,
        "motion": MOTION,
        "signals": [SIGNAL],
        "clear_lanes": [INNER],
        "duration_s": 60.0,
    },
    "priority.answer": {
        "answers": 44,
        "decision": "granted",
        "greens": [{"intersection": HILL, "phase": 3, "from_us": TIME_US + 9 * SECOND_US, "duration_s": 10.0}],
        "cleared_lanes": [INNER],
    },
    "priority.cancel": {"answers": 44},
    "parking.request": {"area": "hillside-p1", "want": "slot", "motion": MOTION, "size": CAR, "needs": ["charging"]},
    "parking.guidance": {
        "answers": 45,
        "decision": "granted",
        "slot": {"id": "B-114", "place": AHEAD, "floor": -1, "heading_deg": 90.0},
        "gate": "north",
        "path": PATH,
        "reserved_s": 600.0,
    },
    "parking.state": {"answers": 45, "state": "parked", "slot": "B-114"},
    "probe.order": {"fields": ["place", "speed", "friction"], "period_s": 1.0, "area": AREA, "duration_s": 900.0},
    "probe.data": {
        "answers": 8,
        "samples": [{"time_us": TIME_US - SECOND_US, "place": PLACE, "speed_mps": 13.6, "friction": 0.71}],
    },
    "vru.request": {
        "role": "wheelchair",
        "motion": {"place": PLACE, "speed_mps": 0.0},
        "towards": AHEAD,
        "start_in_s": 1.0,
        "duration_s": 14.0,
    },
    "vru.answer": {"answers": 46, "decision": "delayed", "wait_s": 5.0, "reason": "a bus is passing"},
    "vru.notice": {"area": AREA, "count": 2, "from_us": TIME_US + 5 * SECOND_US, "duration_s": 14.0, "speed_limit_mps": 5.56},
    "vru.consent": {"answers": 46, "decision": "granted"},
    "platoon.create": {"platoon": "hill-1", "motion": MOTION, "gap_s": 0.9, "speed_mps": 22.2},
    "platoon.join": {"platoon": "hill-1", "motion": MOTION, "size": CAR},
    "platoon.answer": {"answers": 47, "decision": "granted", "platoon": "hill-1", "position": 3},
    "platoon.leave": {"platoon": "hill-1"},
    "platoon.dissolve": {"platoon": "hill-1", "why": "arrived"},
    "platoon.status": {
        "platoon": "hill-1",
        "motion": MOTION,
        "members": [{"vehicle": "obu-0007", "position": 1}, {"vehicle": "obu-0011", "position": 2, "gap_m": 19.5}],
    },
    "tolling.announcement": {"station": "hill-exit", "place": PLACE, "kind": "exit", "lanes": [1, 2, 3]},
    "tolling.request": {
        "station": "hill-exit",
        "transaction": "t-20260501-0001",
        "vehicle_class": 1,
        "entry_station": "river-entry",
    },
    "tolling.charge": {"answers": 48, "decision": "granted", "transaction": "t-20260501-0001", "amount": 1250},
    "tolling.receipt": {"transaction": "t-20260501-0001", "amount": 1250, "state": "paid"},
    "payment.request": {"merchant": "hillside-p1", "transaction": "p-20260501-0001", "service": "charging"},
    "payment.charge": {"answers": 49, "decision": "granted", "transaction": "p-20260501-0001", "amount": 4380},
    "payment.receipt": {"transaction": "p-20260501-0001", "amount": 4380, "state": "paid"},
    "coop.refusal": {"answers": 50, "state": "expired", "reason": "the platform has started anew: ask again"},
    "coop.cancel": {"answers": 50},
}

EXAMPLES: dict[str, Document] = {
    name: {"type": name, "seqNum": number, "time_us": TIME_US, **body} for number, (name, body) in enumerate(_BODIES.items(), 41)
}

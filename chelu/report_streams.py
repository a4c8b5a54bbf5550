"""Streams that come as reports and documents, not on the air: what vehicles tell of themselves, events, and traffic counted."""

from __future__ import annotations

from chelu.fields import POSITION, Field, Stream, codes, floats

TELEMETRY = Stream(
    "telemetry",
    "one report of a vehicle on itself: real-time or re-issued data of GB/T 32960.3, or a location report of JT/T 808",
    (
        Field("time_us", "i8", "µs", "when the vehicle took the data, UTC; whole seconds on the wire"),
        Field("edition", "u2", "", "2016, 2025: GB/T 32960.3; 2013, 2019: JT/T 808"),
        Field("is_reissued", "b1", "", "sent again later, after a time without connection"),
        *codes(
            ("vehicle_state", "u1", "1 on 2 off 3 other"),
            ("charge_state", "u1", "1 charging parked 2 charging driving 3 not charging 4 charged"),
            ("power_mode", "u1", "1 electric 2 hybrid 3 fuel"),
        ),
        *POSITION,
        *codes(("coordinate_system", "u1", "as sent: 1 WGS-84 2 GCJ-02 3 other; the columns hold WGS-84")),
        *floats(
            ("speed_mps", "m/s", ""),
            ("heading_deg", "°", "clockwise from north"),
            ("mileage_m", "m", "since the vehicle was made"),
            ("voltage_v", "V", "of the traction battery"),
            ("current_a", "A", "of the traction battery"),
            ("state_of_charge", "1", "0..1"),
            ("insulation_ohm", "Ω", ""),
            ("accelerator", "1", "0..1 of its travel"),
            ("brake", "1", "0..1 of its travel; 1.01: pressed, travel unknown"),
        ),
        *codes(
            ("gear", "u1", "0 neutral 1..12 13 reverse 14 drive 15 park"),
            ("has_drive", "b1", "a driving force acts"),
            ("has_brake", "b1", "a braking force acts"),
            ("dcdc_state", "u1", "1 working 2 off"),
            ("motors", "u1", "how many motors are reported"),
            ("engine_state", "u1", "1 on 2 off"),
        ),
        *floats(
            ("engine_speed_rpm", "1/min", ""),
            ("fuel_l_per_100km", "L/100 km", ""),
            ("fuel_cell_voltage_v", "V", ""),
            ("fuel_cell_current_a", "A", ""),
            ("hydrogen_temperature_max_c", "°C", ""),
            ("hydrogen_pressure_max_pa", "Pa", ""),
            ("cell_voltage_max_v", "V", "as sent, else the highest of the cells reported"),
            ("cell_voltage_min_v", "V", "as sent, else the lowest of the cells reported"),
            ("battery_temperature_max_c", "°C", "as sent, else the highest of the probes reported"),
            ("battery_temperature_min_c", "°C", "as sent, else the lowest of the probes reported"),
        ),
        *codes(
            ("alarm_level", "u1", "highest now: 0 none … 3 worst, 4 thermal event (2025)"),
            ("alarm_flags", "u4", "general alarms; lowest bit first, of the edition's own table"),
            ("faults", "u2", "how many fault codes are reported"),
            ("status_flags", "u4", "JT/T 808: the status word"),
        ),
    ),
    late_after_s=60.0,
)

EVENT = Stream(
    "event",
    "one traffic event that a roadside computer perceives (T/ITS 0180.1-2021, table 18)",
    (
        Field("time_us", "i8", "µs", "when the document was made, UTC"),
        *codes(
            ("event_id", "i8", "the roadside's own number"),
            ("event_type", "u2", "EventType of YD/T 3709 annex A, that is GB/T 29100"),
            ("source", "u1", "SourceType"),
        ),
        Field("started_us", "i8", "µs", "when it happened, UTC", optional=True),
        Field("ended_us", "i8", "µs", "when it was over, UTC", optional=True),
        *POSITION,
        *floats(("speed_mps", "m/s", "along the heading"), ("heading_deg", "°", "clockwise from north")),
        *codes(
            ("speed_confidence", "u1", "SpeedConfidence"),
            ("heading_confidence", "u1", "HeadingConfidence"),
            ("event_confidence", "u1", "as sent"),
            ("link_id", "i8", "LinkID"),
            ("lane_id", "u1", "LaneID"),
        ),
        Field("participants", "u2", "", "how many are named as involved"),
    ),
)

TRAFFIC = Stream(
    "traffic",
    "one flow or lane of an entry, counted over a period by a roadside computer (T/ITS 0180.1-2021, tables 19 to 21)",
    (
        Field("time_us", "i8", "µs", "when the document was made, UTC"),
        Field("started_us", "i8", "µs", "begin of the period, UTC", optional=True),
        Field("ended_us", "i8", "µs", "end of the period, UTC", optional=True),
        Field("period", "u1", "", "1 signal cycle 2 second 3 five seconds 4 minute 5 quarter of an hour 6 other"),
        Field("is_lane", "b1", "", "a lane's row; else that of a flow"),
        *codes(
            ("region_id", "u2", "RoadRegulatorID"),
            ("intersection_id", "u2", "NodeID"),
            ("link_id", "i8", "LinkID"),
            ("flow_type", "u1", "1 straight 2 left (or, as the standard prints it, right) 3 right 4 turn back"),
        ),
        *POSITION,
        *floats(("queue_m", "m", "length of the queue")),
        *codes(("queue_vehicles", "u4", "vehicles in the queue")),
        *floats(("flow_pcu", "1", "passenger car units in the period")),
        *codes(("vehicles", "u4", "vehicles in the period")),
        *floats(("wasted_s", "s", "green time without use")),
        *codes(("congestion", "u1", "0 none 1 light 2 medium 3 heavy (GA/T 115)")),
    ),
    late_after_s=60.0,
)

OBSERVATION = Stream(
    "observation",
    "one sample of one quantity that a sensor measured (docs/formats/observations.md)",
    (
        Field("time_us", "i8", "µs", "when it was measured, UTC"),
        Field("quantity", "u2", "", "its number in `chelu.quantities`"),
        *floats(("value", "", "in the quantity's SI unit; null: the sensor had none")),
        *codes(
            ("quality", "u1", "as the sensor says: 0 good 1 doubtful 2 bad 3 estimated"),
            ("channel", "u2", "which of the sensor's places: a lane, a gate, a detector"),
        ),
    ),
    late_after_s=3600.0,
)

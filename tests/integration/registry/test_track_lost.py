"""Whether somebody has to go and look for who was lost on the track, by what became of its alarm: on a real database."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

from services.registry.alarms import rows as alarms
from services.registry.track import presence, watch_rows
from services.registry.track.conditions import Key
from tests.integration.registry.conftest import SITE, Place

LAST_US, LATER_US = 1_790_000_000_000_000, 1_790_000_060_000_000


def test_of_who_was_lost_it_is_said_why_nobody_has_to_look_any_more(place: Place) -> None:
    names = ("open", "acknowledged", "seen before", "cleared", "switched off")
    keys = {name: Key(presence.TRESPASS, name, "yard") for name in names}
    with psycopg.connect(place.database_url, row_factory=dict_row) as connection:
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES (%s, '', 29.5, 106.5)", (SITE,)
        )
        for name in names[:-1]:
            alarms.raise_alarm(connection, "trespass", name, site_id=SITE, part="yard", now_us=LAST_US - 1_000_000)
        found = connection.execute("SELECT subject, alarm_id FROM register.alarm").fetchall()
        number = {row["subject"]: row["alarm_id"] for row in found}
        alarms.acknowledge(connection, number["acknowledged"], actor="wang", comment="", now_us=LATER_US)
        alarms.acknowledge(connection, number["seen before"], actor="wang", comment="", now_us=LAST_US - 1)
        alarms.clear_by_hand(connection, number["cleared"], comment="towed", now_us=LATER_US)
        told = watch_rows.unraised(connection, SITE, dict.fromkeys(keys.values(), LAST_US))
        connection.rollback()
    seen_to = "somebody has seen to it"
    assert told == {
        keys["acknowledged"]: seen_to,
        keys["cleared"]: seen_to,
        keys["switched off"]: "it has no alarm that anybody could see to",
    }

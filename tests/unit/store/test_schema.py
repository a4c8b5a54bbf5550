from __future__ import annotations

from chelu.messages import BSM, HEADER, PARTICIPANT, STREAMS
from chelu.store.schema import columns_sql, table_columns


def test_a_table_begins_with_the_header_and_holds_the_time_once() -> None:
    for stream in STREAMS.values():
        names = [column.name for column in table_columns(stream)]
        assert names[: len(HEADER)] == ["time", "arrival", "device_key", "batch_id", "flags"]
        assert len(names) == len(set(names))


def test_optional_fields_may_be_null_and_others_not() -> None:
    columns = {column.name: column for column in table_columns(BSM)}
    assert columns["speed_mps"].is_nullable
    assert columns["speed_mps"].mask is None
    assert columns["events"].mask == "events_valid"
    assert not columns["message_count"].is_nullable


def test_unsigned_integers_get_a_type_that_holds_them() -> None:
    types = {column.name: column.type for column in table_columns(PARTICIPANT)}
    assert (types["message_count"], types["participant_id"], types["vehicle_id"]) == ("smallint", "integer", "bigint")


def test_names_are_quoted_so_that_no_field_can_be_a_keyword() -> None:
    assert '"abs" smallint' in columns_sql(BSM).as_string()

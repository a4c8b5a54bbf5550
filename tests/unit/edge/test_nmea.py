"""NMEA sentences: what is there is read exactly, what is not stays unavailable, rubbish is refused."""

from __future__ import annotations

import datetime as dt
import math
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.errors import MalformedError
from edge.nmea import Fix, Receiver, read_sentence


def sentence(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}".encode()


RMC = "GNRMC,082006.30,A,2931.50000,N,10634.20000,E,19.438445,84.4,131020,,,A"
GGA = "GNGGA,082006.30,2931.50000,N,10634.20000,E,4,12,0.8,243.50,M,-31.20,M,1.0,0001"


def fixes(*bodies: str) -> list[Fix]:
    receiver = Receiver()
    return [fix for body in bodies for fix in receiver.take(read_sentence(sentence(body)))]


def test_the_textbook_sentence_reads_as_the_textbook_says() -> None:
    line = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
    (fix,) = Receiver().take(read_sentence(line))
    assert fix.time_us == int(dt.datetime(1994, 3, 23, 12, 35, 19, tzinfo=dt.UTC).timestamp() * 1e6)
    assert fix.latitude_deg == pytest.approx(48.1173)
    assert fix.longitude_deg == pytest.approx(11.5166667)
    assert fix.speed_mps == pytest.approx(22.4 * 0.514444, rel=1e-5)
    assert fix.heading_deg == 84.4
    assert math.isnan(fix.elevation_m)


def test_the_height_above_the_ellipsoid_is_the_sum_of_both_heights() -> None:
    (fix,) = fixes(GGA, RMC)
    assert fix.elevation_m == pytest.approx(212.3)
    assert fix.speed_mps == pytest.approx(10.0)
    assert fix.time_us % 1_000_000 == 300_000


def test_the_order_of_the_two_sentences_does_not_matter_once_both_are_known_to_come() -> None:
    second = RMC.replace("06.30", "06.40"), GGA.replace("06.30", "06.40")
    assert [fix.elevation_m for fix in fixes(RMC, GGA, *second)][1:] == [pytest.approx(212.3)]


def test_a_height_of_another_instant_is_not_used() -> None:
    first, second = fixes(GGA, RMC, RMC.replace("06.30", "06.40"), RMC.replace("06.30", "06.50"))[:2]
    assert first.elevation_m == pytest.approx(212.3)
    assert math.isnan(second.elevation_m)


def test_no_fix_is_no_position() -> None:
    assert fixes("GNRMC,082006.30,V,,,,,,,131020,,,N", "GNGGA,082006.30,,,,,0,00,99.9,,M,,M,,") == []


def test_empty_fields_stay_unavailable() -> None:
    (fix,) = fixes("GPRMC,082006,A,2931.5,S,10634.2,W,,,131020,,,A")
    assert math.isnan(fix.speed_mps)
    assert math.isnan(fix.heading_deg)
    assert fix.latitude_deg < 0
    assert fix.longitude_deg < 0


def test_sentences_of_other_types_are_passed_over() -> None:
    assert fixes("GPGSV,1,1,00", "GPVTG,84.4,T,,M,022.4,N,041.5,K") == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe\x00rubbish",
        b"$GPRMC,no checksum",
        b"$GPRMC,1*ZZ",
        sentence(RMC)[:-2] + b"00",
        b"$" + b"A" * 2000,
        "$GPRMC,\u00e9*00".encode(),
    ],
)
def test_rubbish_is_no_sentence(line: bytes) -> None:
    with pytest.raises(MalformedError):
        read_sentence(line)


@pytest.mark.parametrize(
    "body",
    [
        RMC.replace("2931.50000", "9131.50000"),
        RMC.replace("2931.50000", "2961.50000"),
        RMC.replace("2931.50000", "x"),
        RMC.replace(",N,", ",Q,"),
        RMC.replace("082006.30", "992006.30"),
        RMC.replace("131020", "991020"),
        RMC.replace("19.438445", "nan"),
        RMC.replace("19.438445", "-1"),
        RMC.replace("84.4", "400"),
        "GNRMC",
        "GNRMC,082006.30,A",
    ],
)
def test_values_that_cannot_be_are_refused(body: str) -> None:
    receiver = Receiver()
    if body == "GNRMC":
        assert receiver.take(read_sentence(sentence(body))) == []
        return
    with pytest.raises(MalformedError):
        receiver.take(read_sentence(sentence(body)))


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="*$"), max_size=80))
def test_no_sentence_with_a_right_checksum_gets_further_than_a_refusal(body: str) -> None:
    try:
        Receiver().take(read_sentence(sentence("GPRMC," + body)))
        Receiver().take(read_sentence(sentence("GPGGA," + body)))
    except MalformedError:
        pass

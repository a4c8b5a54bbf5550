"""Small OpenDRIVE files for tests, written by hand."""

from __future__ import annotations

from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.reading import read

LINE_100 = '<geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry>'
WIDTH = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'


def lane(number: int, kind: str = "driving", inside: str = WIDTH, link: str = "") -> str:
    return f'<lane id="{number}" type="{kind}" level="false">{f"<link>{link}</link>" if link else ""}{inside}</lane>'


def section(s: float = 0.0, left: str = "", right: str = lane(-1)) -> str:
    left, right = (f"<{side}>{one}</{side}>" if one else "" for side, one in (("left", left), ("right", right)))
    return f'<laneSection s="{s}">{left}<center><lane id="0" type="none"/></center>{right}</laneSection>'


def road(
    name: str = "1",
    *,
    geometry: str = LINE_100,
    length: float = 100.0,
    sections: str = "",
    link: str = "",
    junction: str = "-1",
    profile: str = "",
    offset: str = "",
    more: str = "",
    rule: str = "RHT",
) -> str:
    return (
        f'<road id="{name}" name="road {name}" length="{length}" junction="{junction}" rule="{rule}"><link>{link}</link>'
        f"<planView>{geometry}</planView>{profile}<lanes>{offset}{sections or section()}</lanes>{more}</road>"
    )


def file_of(*parts: str, minor: int = 8) -> bytes:
    body = "\n".join(parts)
    return f'<OpenDRIVE>\n<header revMajor="1" revMinor="{minor}" name="test"/>\n{body}\n</OpenDRIVE>'.encode()


def model_of(*parts: str) -> OpenDrive:
    return read(file_of(*parts), "test.xodr")


def junction_of_two_ways() -> bytes:
    """Road 1 comes from the west; at junction 9 road 2 goes on straight over 10, road 3 turns left over 11; a light at 10."""
    ahead = '<link><successor id="-1"/></link>'
    through = '<link><predecessor id="-1"/><successor id="-1"/></link>'
    back = '<link><predecessor id="-1"/></link>'
    light = (
        '<signals><signal id="7" s="0" t="-4" type="1000001" subtype="-1" dynamic="yes" orientation="+" value="-1"/></signals>'
    )
    right = [f'<lane id="-1" type="driving">{link}{WIDTH}</lane>' for link in (ahead, through, back)]
    ends = ('<successor elementType="junction" elementId="9"/>', '<predecessor elementType="junction" elementId="9"/>')

    def crossing(after: str) -> str:
        return (
            '<predecessor elementType="road" elementId="1" contactPoint="end"/>'
            f'<successor elementType="road" elementId="{after}" contactPoint="start"/>'
        )

    quarter = '<geometry s="0" x="100" y="0" hdg="0" length="31.41592653589793"><arc curvature="0.05"/></geometry>'
    return file_of(
        road("1", sections=section(right=right[0]), link=ends[0]),
        road(
            "10",
            geometry=_line(100, 0, 0, 20),
            length=20,
            sections=section(right=right[1]),
            link=crossing("2"),
            junction="9",
            more=light,
        ),
        road(
            "11", geometry=quarter, length=31.41592653589793, sections=section(right=right[1]), link=crossing("3"), junction="9"
        ),
        road("2", geometry=_line(120, 0, 0, 50), length=50, sections=section(right=right[2]), link=ends[1]),
        road("3", geometry=_line(120, 20, 1.5707963267948966, 50), length=50, sections=section(right=right[2]), link=ends[1]),
        '<controller id="c"><control signalId="7"/></controller>',
        '<junction id="9"><connection id="0" incomingRoad="1" connectingRoad="10" contactPoint="start">'
        '<laneLink from="-1" to="-1"/>'
        '</connection><connection id="1" incomingRoad="1" connectingRoad="11" contactPoint="start"><laneLink from="-1" to="-1"/>'
        '</connection><controller id="c"/></junction>',
    )


def _line(x: float, y: float, heading: float, length: float) -> str:
    return f'<geometry s="0" x="{x}" y="{y}" hdg="{heading}" length="{length}"><line/></geometry>'

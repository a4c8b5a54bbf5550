"""Small lanelet2 maps for tests, written by hand; in Autoware's local metres unless a test places them on Earth."""

from __future__ import annotations

from collections.abc import Mapping

from chelu.geo import LocalFrame
from chelu.roads.lanelet2.model import Lanelet2
from chelu.roads.lanelet2.network import network_of
from chelu.roads.lanelet2.reading import read
from chelu.roads.network import RoadNetwork

Point = tuple[float, ...]  # x, y, and the height when it is said


def tags(**values: str) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in values.items())


def node(name: str, place: Point) -> str:
    more = {"ele": f"{place[2]:g}"} if len(place) > 2 else {}
    return f'<node id="{name}" lat="" lon="">{tags(local_x=str(place[0]), local_y=str(place[1]), **more)}</node>'


def node_on_earth(name: str, place: Point, frame: LocalFrame) -> str:
    latitude, longitude, _ = (float(one[0]) for one in frame.to_geodetic([place[:2]]))
    return f'<node id="{name}" lat="{latitude:.11f}" lon="{longitude:.11f}"/>'


def way(name: str, nodes: str, **values: str) -> str:
    return f'<way id="{name}">' + "".join(f'<nd ref="{one}"/>' for one in nodes.split()) + tags(**values) + "</way>"


def lanelet(number: str, left: str, right: str, *, rule: str = "", centre: str = "", **values: str) -> str:
    more = f'<member type="relation" ref="{rule}" role="regulatory_element"/>' if rule else ""
    more += f'<member type="way" ref="{centre}" role="centerline"/>' if centre else ""
    return (
        f'<relation id="{number}"><member type="way" ref="{left}" role="left"/>'
        f'<member type="way" ref="{right}" role="right"/>{more}'
        f"{tags(**{'type': 'lanelet', 'subtype': 'road'} | values)}</relation>"
    )


def rule(name: str, subtype: str, members: Mapping[str, str]) -> str:
    found = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for role, refs in members.items() for ref in refs.split())
    return f'<relation id="{name}">{found}{tags(type="regulatory_element", subtype=subtype)}</relation>'


def file_of(*parts: str) -> bytes:
    return ("<osm>\n" + "\n".join(parts) + "\n</osm>").encode()


def points(**places: Point) -> list[str]:
    return [node(name, place) for name, place in places.items()]


def model_of(*parts: str) -> Lanelet2:
    return read(file_of(*parts), "test.osm")


def network(*parts: str) -> RoadNetwork:
    return network_of(model_of(*parts))


def straight_on(**values: str) -> list[str]:
    """Lanelet 1 leads east into lanelet 2, 100 m and 50 m long, 3.5 m wide; the right border of 2 is drawn backwards."""
    return [
        *points(a=(0, 3.5), b=(100, 3.5), c=(150, 3.5), d=(0, 0), e=(100, 0), f=(150, 0)),
        *(way("L1", "a b"), way("L2", "b c"), way("R1", "d e"), way("R2", "f e")),
        *(lanelet("1", "L1", "R1", **values), lanelet("2", "L2", "R2", **values)),
    ]


def crossing_with_lights() -> list[str]:
    """Two lanes from the west (10 left, 11 right) and one from the south (20); 10 goes straight on over 30 to 40, 11 turns right
    over 31 to 50, 20 goes straight on over 32 to 60, crossing 30. Light 90 holds 10 and 11 at their stop line; light 91 is named
    by 32. Heights rise by 1 in 20 to the east."""

    def at(x: float, y: float) -> Point:
        return x, y, 200.0 + x / 20.0

    return [
        *points(
            b1=at(80, 7), b2=at(80, 3.5), b3=at(80, 0), a1=at(0, 7), a2=at(0, 3.5), a3=at(0, 0),
            c1=at(120, 7), c2=at(120, 3.5), f1=at(200, 7), f2=at(200, 3.5),
            s1=at(98, -20), s2=at(102, -20), t1=at(98, -90), t2=at(102, -90), n1=at(98, 30), n2=at(102, 30),
            o1=at(98, 80), o2=at(102, 80), r1=at(94, -20), r2=at(90, -20), q1=at(94, -90), q2=at(90, -90),
            d1=at(80, 3.6), d2=at(80, -0.1), k=at(86, -12),
        ),
        *(way("w1", "a1 b1"), way("w2", "a2 b2"), way("w3", "a3 b3")),
        *(lanelet("10", "w1", "w2", speed_limit="50"), lanelet("11", "w2", "w3", speed_limit="50", name="West Road")),
        *(way("w4", "b1 c1"), way("w5", "b2 c2"), lanelet("30", "w4", "w5")),
        *(way("w6", "c1 f1"), way("w7", "c2 f2"), lanelet("40", "w6", "w7", speed_limit="30 mph")),
        *(way("w8", "t1 s1"), way("w9", "t2 s2"), lanelet("20", "w8", "w9")),
        *(way("w10", "s1 n1"), way("w11", "s2 n2"), lanelet("32", "w10", "w11", rule="91", turn_direction="straight")),
        *(way("w12", "n1 o1"), way("w13", "n2 o2"), lanelet("60", "w12", "w13")),
        *(way("w14", "b2 r1"), way("w15", "b3 k r2"), lanelet("31", "w14", "w15", turn_direction="right")),
        *(way("w16", "r1 q1"), way("w17", "r2 q2"), lanelet("50", "w16", "w17")),
        *(way("s", "b1 b2 b3", type="stop_line"), way("head", "d1 d2", type="traffic_light")),
        *(rule("90", "traffic_light", {"ref_line": "s", "refers": "head"}), rule("91", "traffic_light", {"refers": "head"})),
    ]  # fmt: skip

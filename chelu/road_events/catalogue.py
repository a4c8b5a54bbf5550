"""What can be told of the road: the types of GB/T 29100-2012 and the signs of GB 5768.2-2009, by number and name. Pure.

An event's code is its class (the hundreds) and its number in it; a sign's is its number in the standard's index. Named are those
that public code tables agree on; any other code of a class that is known is called by its class, any other sign by its number.
The radius and the priority that are taken where nobody says otherwise are ours: a start, not the standard's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONGESTION = 707  # the only code of its class that anything is made of
LAST_SIGN = 249  # of the index
HIGHEST_PRIORITY = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to tell. radius_m: around its place; priority: 0 to 7, the highest, as RSI has it."""

    code: int
    english: str
    chinese: str
    radius_m: float
    priority: int
    is_sign: bool = False


@dataclass(frozen=True, slots=True)
class Class:
    """What the types of one class have in common."""

    english: str
    chinese: str
    radius_m: float
    priority: int


CLASSES: Mapping[int, Class] = {
    1: Class("accident", "交通事故", 20.0, 6),
    2: Class("disaster", "交通灾害", 100.0, 7),
    3: Class("weather", "交通气象", 500.0, 4),
    4: Class("state of the road", "路面状况", 20.0, 5),
    5: Class("roadworks", "道路施工", 30.0, 4),
    6: Class("gathering", "活动", 100.0, 3),
    9: Class("abnormal vehicle", "异常车辆", 30.0, 6),
}


EVENTS: tuple[Entry, ...] = (
    Entry(100, "accident", "交通事故", 20.0, 6),
    Entry(101, "vehicle breakdown", "车辆故障", 20.0, 5),
    Entry(303, "lightning", "雷电", 1000.0, 3),
    Entry(304, "wind", "大风", 500.0, 4),
    Entry(305, "fog", "雾", 500.0, 5),
    Entry(306, "heat", "高温", 1000.0, 2),
    Entry(307, "drought", "干旱", 1000.0, 1),
    Entry(407, "standing water", "路面积水", 20.0, 5),
    Entry(408, "slippery road", "路面湿滑", 50.0, 5),
    Entry(CONGESTION, "congestion", "交通拥堵", 100.0, 3),
    Entry(904, "wrong-way driving", "逆行", 30.0, 7),
)

_SIGN_NAMES: Mapping[int, tuple[str, str]] = {
    1: ("crossing", "交叉路口"), 2: ("sharp bend", "急弯路"), 3: ("reverse bends", "反向弯路"),
    4: ("series of bends", "连续弯路"), 5: ("steep slope", "陡坡"), 6: ("long descent", "连续下坡"),
    7: ("narrow road", "窄路"), 8: ("narrow bridge", "窄桥"), 9: ("two-way traffic", "双向交通"),
    10: ("pedestrians", "注意行人"), 11: ("children", "注意儿童"), 12: ("livestock", "注意牲畜"),
    13: ("wild animals", "注意野生动物"), 14: ("traffic lights", "注意信号灯"), 15: ("falling rocks", "注意落石"),
    16: ("crosswind", "注意横风"), 17: ("slippery road", "易滑"), 18: ("dangerous mountain road", "傍山险路"),
    19: ("embankment road", "堤坝路"), 20: ("village", "村庄"), 21: ("tunnel", "隧道"), 22: ("ferry", "渡口"),
    23: ("humpback bridge", "驼峰桥"), 24: ("uneven road", "路面不平"), 25: ("bump", "路面高突"),
    26: ("dip", "路面低洼"), 27: ("ford", "过水路面"), 34: ("accident black spot", "事故易发路段"),
    38: ("roadworks", "施工"), 53: ("no motor vehicles", "禁止机动车驶入"), 76: ("no overtaking", "禁止超车"),
    78: ("no stopping", "禁止停车"), 81: ("width limit", "限制宽度"), 82: ("height limit", "限制高度"),
    85: ("speed limit", "限制速度"), 114: ("pedestrian crossing", "人行横道"), 163: ("lane narrows", "车道变窄"),
    242: ("school ahead", "前方学校"),
}  # fmt: skip
_SIGN_RADIUS_M, _SIGN_PRIORITY = 0.0, 3  # a sign holds along its path, not around its post
SIGNS: tuple[Entry, ...] = tuple(
    Entry(code, english, chinese, _SIGN_RADIUS_M, _SIGN_PRIORITY, is_sign=True)
    for code, (english, chinese) in _SIGN_NAMES.items()
)
_NAMED: Mapping[tuple[bool, int], Entry] = {(one.is_sign, one.code): one for one in (*EVENTS, *SIGNS)}


def find(code: int, *, is_sign: bool) -> Entry | None:
    """What a code stands for, by its class where it has no name of its own; None for one that nothing is made of."""
    if named := _NAMED.get((is_sign, code)):
        return named
    if is_sign:
        return Entry(code, "", "", _SIGN_RADIUS_M, _SIGN_PRIORITY, is_sign=True) if 0 < code <= LAST_SIGN else None
    kind = CLASSES.get(code // 100)
    return None if kind is None else Entry(code, kind.english, kind.chinese, kind.radius_m, kind.priority)


def allowed(*, is_sign: bool) -> str:
    """In words, which codes there are."""
    if is_sign:
        return f"1 … {LAST_SIGN}, the number in the index of GB 5768.2-2009"
    return f"a code of GB/T 29100-2012: {', '.join(f'{kind}00 … {kind}99' for kind in CLASSES)}, or {CONGESTION}"

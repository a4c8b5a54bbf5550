"""Small OpenSCENARIO files with their roads for tests, written by hand."""

from __future__ import annotations

from pathlib import Path

from simulators.scenario.cases import Request, cases_of
from simulators.scenario.engine import run
from simulators.scenario.openscenario.importing import Imported, Options, imported
from simulators.scenario.trace import Trace
from tests.unit.roads.opendrive_files import WIDTH, file_of, lane, road, section

STRAIGHT = '<geometry s="0" x="0" y="0" hdg="0" length="2000"><line/></geometry>'
THREE_LANES = file_of(
    road("0", geometry=STRAIGHT, length=2000, sections=section(left=lane(1), right=lane(-1) + lane(-2) + lane(-3, inside=WIDTH)))
)
BOX = '<BoundingBox><Center x="{ahead}" y="0" z="0.9"/><Dimensions length="{length}" width="2" height="1.8"/></BoundingBox>'
CAR = '<Vehicle name="car" vehicleCategory="car">' + BOX.format(ahead=1.4, length=5) + "<Properties/></Vehicle>"


def private(name: str, *actions: str) -> str:
    inside = "".join(f"<PrivateAction>{one}</PrivateAction>" for one in actions)
    return f'<Private entityRef="{name}">{inside}</Private>'


def teleport(position: str) -> str:
    return f"<TeleportAction><Position>{position}</Position></TeleportAction>"


def on_lane(number: object, s: object, offset: object = 0, more: str = "") -> str:
    return f'<LanePosition roadId="0" laneId="{number}" s="{s}" offset="{offset}">{more}</LanePosition>'


def speed(value: object, dynamics: str = 'dynamicsShape="step" dynamicsDimension="time" value="0"', target: str = "") -> str:
    target = target or f'<AbsoluteTargetSpeed value="{value}"/>'
    return (
        f"<LongitudinalAction><SpeedAction><SpeedActionDynamics {dynamics}/><SpeedActionTarget>{target}</SpeedActionTarget>"
        "</SpeedAction></LongitudinalAction>"
    )


def lane_change(target: str, dynamics: str = 'dynamicsShape="sinusoidal" dynamicsDimension="time" value="3"') -> str:
    return (
        f"<LateralAction><LaneChangeAction><LaneChangeActionDynamics {dynamics}/><LaneChangeTarget>{target}</LaneChangeTarget>"
        "</LaneChangeAction></LateralAction>"
    )


def by_value(condition: str, edge: str = "none", delay: float = 0) -> str:
    return (
        f'<Condition name="c" delay="{delay}" conditionEdge="{edge}"><ByValueCondition>{condition}</ByValueCondition></Condition>'
    )


def after(time_s: object) -> str:
    return by_value(f'<SimulationTimeCondition value="{time_s}" rule="greaterThan"/>')


def by_entity(name: str, condition: str, delay: float = 0) -> str:
    return (
        f'<Condition name="c" delay="{delay}" conditionEdge="rising"><ByEntityCondition><TriggeringEntities '
        f'triggeringEntitiesRule="any"><EntityRef entityRef="{name}"/></TriggeringEntities><EntityCondition>{condition}'
        "</EntityCondition></ByEntityCondition></Condition>"
    )


def event(name: str, action: str, *conditions: str, priority: str = "overwrite") -> str:
    return (
        f'<Event name="{name}" priority="{priority}"><Action name="{name}Action"><PrivateAction>{action}</PrivateAction></Action>'
        f"<StartTrigger><ConditionGroup>{''.join(conditions)}</ConditionGroup></StartTrigger></Event>"
    )


def story(actor: str, *events: str, name: str = "Story", start: str = "") -> str:
    start = start or after(-1)
    return (
        f'<Story name="{name}"><Act name="{name}Act"><ManeuverGroup maximumExecutionCount="1" name="{name}Group"><Actors '
        f'selectTriggeringEntities="false"><EntityRef entityRef="{actor}"/></Actors><Maneuver name="{name}Maneuver">'
        f"{''.join(events)}</Maneuver></ManeuverGroup><StartTrigger><ConditionGroup>{start}</ConditionGroup></StartTrigger></Act></Story>"
    )


EGO = private("Ego", teleport(on_lane(-2, 50)), speed(20))
OTHER = private("Other", teleport(on_lane(-1, 100)), speed(10))


def scenario(
    *,
    init: str = EGO + OTHER,
    stories: str = "",
    stop: str = after(10),
    parameters: str = "",
    entities: str = "",
    names: tuple[str, ...] = ("Ego", "Other"),
    more: str = "",
    minor: int = 2,
) -> str:
    entities = entities or "".join(f'<ScenarioObject name="{name}">{CAR}</ScenarioObject>' for name in names)
    return f"""<OpenSCENARIO>
<FileHeader revMajor="1" revMinor="{minor}" date="2026-01-01T00:00:00" description="Tried" author="nobody"/>
<ParameterDeclarations>{parameters}</ParameterDeclarations>
<CatalogLocations>{more}</CatalogLocations>
<RoadNetwork><LogicFile filepath="road.xodr"/></RoadNetwork>
<Entities>{entities}</Entities>
<Storyboard>
<Init><Actions>{init}</Actions></Init>
{stories}
<StopTrigger><ConditionGroup>{stop}</ConditionGroup></StopTrigger>
</Storyboard>
</OpenSCENARIO>"""


def written(directory: Path, text: str, *, roads: bytes = THREE_LANES, name: str = "tried.xosc") -> Path:
    (directory / "road.xodr").write_bytes(roads)
    (directory / name).write_text(text, "utf-8")
    return directory / name


def brought(directory: Path, text: str, options: Options | None = None, *, roads: bytes = THREE_LANES) -> Imported:
    return imported(written(directory, text, roads=roads), options or Options())


def driven(directory: Path, text: str, options: Options | None = None, *, roads: bytes = THREE_LANES) -> Trace:
    description = brought(directory, text, options, roads=roads).description
    return run(description, cases_of(description, Request()))

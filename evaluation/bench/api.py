"""The registry's API under load: how long reads take at a fixed rate while ingest stores 20,000 rows a second on two cores.

Requests leave by the clock, whether or not the ones before have been answered, and are timed from when they were due: a server
that falls behind cannot hide it. Listing and searching run over as many registered devices as a large city has.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from chelu.api import NewDevice, Organisation
from chelu.api import Site as SiteRecord
from chelu.topics import Kind
from evaluation.bench.context import Context
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import Road, Step, road

BAR_MS, LIST_BAR_MS = 50.0, 100.0
REQUESTS_PER_S, ROWS_PER_S = 100.0, 20_000.0
WORKERS = 32  # requests under way at the same time, at most
SETTLE_S = 3.0  # of load, before the first request counts
TIMEOUT_S = 10.0
CITY, MAKER = "city", "maker"
CORES = 2
KINDS = (Kind.SENSOR, Kind.RSU, Kind.SIGNAL, Kind.VEHICLE)
PAGE, FILTERED, SEARCH = LISTS = ("a page of devices", "devices that fit filters", "a search for words")
FILTERS = (
    "kind=rsu",
    "kind=sensor&subtype=camera",
    "kind=rsu&lifecycle=registered",  # none: every other device is active, and with it every RSU
    "site=city&lifecycle=active",
    "vendor=maker",
    "vendor=maker&kind=rsu",  # none
    "model=M49",
    "serial=SN350000",
    "label=bay%3D77",
    "label=bay%3D77&kind=sensor",  # none
)
WORDS = ("dev", "gate%2017", "street%20999", "gate%201&kind=signal", "sn69", "dev-0012", "street%2077&vendor=maker", "nothing")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    devices: int
    seconds: float


FULL, QUICK = Extent(100_000, 30.0), Extent(2_000, 5.0)


@dataclass(slots=True)
class Answers:
    """What came back, by sort of request: ms from when it was due, and how many were not answered with 200."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, sort: str, ms: float, status: int) -> None:
        with self.lock:
            self.ms.setdefault(sort, []).append(ms)
            self.failed += status != http.client.OK

    def all_ms(self) -> list[float]:
        return [ms for each in self.ms.values() for ms in each]


def run(context: Context) -> Findings:
    """The bars of the API's reads, with and without load beside them."""
    extent = QUICK if context.is_quick else FULL
    with road(cores=cores_of_the_machine()[:CORES]) as site:
        context.tell(f"registering {extent.devices:,} devices")
        _register(site, extent.devices)
        site.run(ROWS_PER_S / 4, SETTLE_S)  # vehicles are registered, partitions made
        context.tell("reads, and nothing else")
        idle = _ask(site, extent.seconds / 3, lambda: None)
        context.tell(f"reads while {ROWS_PER_S:,.0f} rows/s are stored")
        answers, step = _under_load(site, extent.seconds)
    return Findings(figures(idle, answers, step), {"api_read_ms": {sort: _percentiles(ms) for sort, ms in answers.ms.items()}})


def figures(idle: Answers, answers: Answers, step: Step) -> list[Figure]:
    """What is judged, and each sort of request by itself."""
    found = [
        _at_most(
            f"API reads at {REQUESTS_PER_S:g}/s beside {ROWS_PER_S:,.0f} rows/s, p99",
            _p(answers.all_ms(), 99),
            "ms",
            BAR_MS,
            "api_read_p99_ms",
        ),
        _at_most(
            "of these, lists and searches over all devices, p99",
            _p([ms for sort in LISTS for ms in answers.ms.get(sort, ())], 99),
            "ms",
            LIST_BAR_MS,
            "api_list_100k_p99_ms",
        ),
        _at_most("reads not answered with 200", float(answers.failed), "requests", 0, "api_read_failed"),
        Figure(
            what="rows stored meanwhile", values=(step.rate_per_s,), unit="rows/s", bar=0.97 * ROWS_PER_S, key="api_rows_per_s"
        ),
        Figure(what="the same reads without load, p99", values=(_p(idle.all_ms(), 99),), unit="ms"),
        Figure(
            what="processor of the registry", values=(step.cpu_s.get("registry", 0.0) / step.seconds * 100,), unit="% of a core"
        ),
    ]
    for sort, ms in sorted(answers.ms.items()):
        found.append(Figure(what=f"  {sort}, p50", values=(_p(ms, 50),), unit="ms"))
        found.append(Figure(what=f"  {sort}, p99", values=(_p(ms, 99),), unit="ms"))
    return found


def requests(now_us: int, number: int) -> tuple[str, str]:
    """The request of this number: its sort, and its address. Each sort comes equally often, and within it each of its forms."""
    turn, obu, device = number // 8, f"load-obu-{number % 500 + 1:05d}", f"dev-{number * 7919 % 2000:06d}"
    choices = (
        (PAGE, f"/api/devices?limit=100&after={device}"),
        (FILTERED, f"/api/devices?limit=100&{FILTERS[turn % len(FILTERS)]}"),
        (SEARCH, f"/api/devices?limit=100&q={WORDS[turn % len(WORDS)]}"),
        ("one device", f"/api/devices/{device}"),
        ("sites", "/api/sites"),
        ("who I am", "/api/me"),
        ("a vehicle's last 10 s", f"/api/streams/bsm?device={obu}&from_us={now_us - 10_000_000}&limit=1000"),
        ("accounts of a minute", f"/api/accounts?from_us={now_us - 60_000_000}"),
    )
    return choices[number % len(choices)]


def _under_load(site: Road, seconds: float) -> tuple[Answers, Step]:
    steps: list[Step] = []
    load = threading.Thread(target=lambda: steps.append(site.run(ROWS_PER_S, seconds + 2 * SETTLE_S)))
    load.start()
    answers = _ask(site, seconds, lambda: time.sleep(SETTLE_S))
    load.join()
    return answers, steps[0]


def _ask(site: Road, seconds: float, before: Callable[[], None]) -> Answers:
    """Send requests by the clock."""
    before()
    answers, keyed = Answers(), {"Authorization": f"Bearer {site.site.layout.api_key.read_text().strip()}"}
    with ThreadPoolExecutor(WORKERS) as pool, _connections(site.site.endpoints.api_url) as connection:
        begun = time.monotonic()
        for number in range(int(seconds * REQUESTS_PER_S)):
            due = begun + number / REQUESTS_PER_S
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(_one, connection, keyed, number, due, answers)
    return answers


def _one(
    connection: Callable[[], http.client.HTTPConnection], keyed: Mapping[str, str], number: int, due: float, answers: Answers
) -> None:
    sort, path = requests(time.time_ns() // 1000, number)
    mine = connection()
    try:
        status = _status(mine, path, keyed)
    except (ConnectionResetError, BrokenPipeError):  # it was closed meanwhile, for want of use: any client asks again
        mine.close()
        status = _status(mine, path, keyed)
    answers.note(sort, (time.monotonic() - due) * 1e3, status)


def _status(mine: http.client.HTTPConnection, path: str, keyed: Mapping[str, str]) -> int:
    mine.request("GET", path, headers=dict(keyed))
    response = mine.getresponse()
    response.read()
    return response.status


@contextmanager
def _connections(url: str) -> Iterator[Callable[[], http.client.HTTPConnection]]:
    """A connection for each thread that asks for one, closed at the end."""
    place, local, opened = urlsplit(url), threading.local(), list[http.client.HTTPConnection]()

    def mine() -> http.client.HTTPConnection:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
            opened.append(local.connection)
        found: http.client.HTTPConnection = local.connection
        return found

    yield mine
    for connection in opened:
        connection.close()


def _register(site: Road, count: int) -> None:
    site.client.add_site(SiteRecord(site_id=CITY, latitude_deg=29.56, longitude_deg=106.55))
    site.client.add_organisation(Organisation(organisation_id=MAKER, role="vendor"))
    site.client.add_devices([_device(number) for number in range(count)])


def _device(number: int) -> NewDevice:
    """One of many whose properties are spread over them, so that a filter finds a few, many or none."""
    kind = KINDS[number % len(KINDS)]
    return NewDevice(
        device_id=f"dev-{number:06d}",
        kind=kind,
        site_id=CITY,
        subtype=("camera", "radar")[number // len(KINDS) % 2] if kind is Kind.SENSOR else None,
        name=f"gate {number % 100} of street {number // 100}",
        vendor=MAKER if number % 10 == 0 else None,
        model=f"M{number % 50}",
        serial=f"SN{number * 7}",
        lifecycle=("registered", "active")[number % 2],
        labels={"bay": str(number % 500)},
        credential=False,
    )


def _percentiles(ms: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": _p(ms, share) for share in (50, 95, 99)}


def _p(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if values else float("nan")


def _at_most(what: str, value: float, unit: str, bar: float, key: str) -> Figure:
    return Figure(what=what, values=(value,), unit=unit, key=key, bar=bar, is_limit=True)

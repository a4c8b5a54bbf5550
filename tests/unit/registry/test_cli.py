"""The commands against a registry that is a function."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from chelu import api
from chelu.cli import build
from chelu.errors import CannotStartError, CheluError, ConfigurationError, RefusedError, UnreachableError

Handler = Callable[[httpx.Request], httpx.Response]


def device(device_id: str, **others: object) -> dict[str, object]:
    fields = dict.fromkeys(["subtype", "parent", "vehicle_id", "latitude_deg", "longitude_deg", "elevation_m"])
    known = {"device_key": 1, "device_id": device_id, "kind": "obu", "site_id": "s", "name": "n", "standard": "x"}
    rest = {"envelope": "auto", "labels": {}, "created": "2026-01-01T00:00:00Z", "has_credential": True}
    return {**fields, **known, **rest, **others}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command whose registry is a handler; answers what it printed, raises what it raised."""

    def run(handler: Handler, *arguments: str) -> str:
        monkeypatch.setattr(
            api.Client, "find", lambda: api.Client("http://registry", "key", transport=httpx.MockTransport(handler))
        )
        result = CliRunner().invoke(build(), arguments, catch_exceptions=True)
        if isinstance(result.exception, CheluError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_observations_are_shown_a_line_each(run: Callable[..., str]) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        row = {"time_us": 1_700_000_000_250_000, "device_id": "w1", "quantity": "air_temperature", "value": 293.15000001}
        rows = [
            {**row, "unit": "K", "quality": "good", "channel": None},
            {**row, "value": None, "unit": "K", "quality": None, "channel": 0},
        ]
        return httpx.Response(200, json={"rows": rows, "next": None})

    lines = run(handler, "observations", "--device", "w1", "--quantity", "air_temperature", "--seconds", "60").splitlines()
    assert lines[1].split() == ["2023-11-14", "22:13:20.250Z", "w1", "air_temperature", "293.15", "K", "good", "–"]
    assert lines[2].split()[3:] == ["air_temperature", "–", "K", "–", "0"]
    assert (asked[0].url.params["device"], asked[0].url.params["quantity"]) == ("w1", "air_temperature")


def test_dead_letters_are_shown_a_line_each_the_newest_last(run: Callable[..., str]) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        row = {"topic": "rsu/r/rsm/up", "device_id": "r", "reason": "truncated", "detail": "12 bytes", "size_bytes": 12}
        times = (1_700_000_000_250_000, 1_700_000_001_000_000)
        rows = [{**row, "time_us": time_us, "payload": "ab" * 100, "suppressed": 3} for time_us in times]
        return httpx.Response(200, json={"rows": rows, "next": None})

    lines = run(handler, "dead-letters", "--device", "r", "--reason", "truncated", "-n", "1").splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:7] == ["2023-11-14", "22:13:21.000Z", "r", "rsu/r/rsm/up", "truncated", "12", "bytes"]
    assert lines[1].endswith("abab…")
    assert (asked[0].url.params["device"], asked[0].url.params["reason"]) == ("r", "truncated")


def test_orders_are_listed_without_the_whole_of_what_was_asked(run: Callable[..., str]) -> None:
    body = {"command": "capture", "note": "x" * 5000}
    row = {"dispatch_id": 7, "at": "now", "actor": "li", "topic": "command", "body": body, "devices": 1, "states": {"sent": 1}}

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"dispatches": [row], "next": None})

    line = run(handler, "orders", "list").splitlines()[1]
    assert "command=capture, note=xxx" in line
    assert len(line) < 130
    assert json.loads(run(handler, "orders", "list", "--json"))[0]["body"] == body


def test_quantities_are_listed_without_a_registry(run: Callable[..., str]) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    lines = run(handler, "quantities", "spotnumber").splitlines()
    assert [line.split()[0] for line in lines] == ["name", "free_spots", "occupied_spots", "total_spots"]
    assert len(run(handler, "quantities").splitlines()) > 60
    assert json.loads(run(handler, "quantities", "pm10", "--json"))[0]["unit"] == "kg/m^3"


def test_a_device_is_added_as_the_options_say(run: Callable[..., str]) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=[{"device_id": "rsu-1", "device_key": 7, "secret": "s3cret"}])

    output = run(
        handler, "device", "add", "rsu-1", "rsu", "--site", "s", "--latitude", "-1.5", "--label", "a=b=c", "--no-credential"
    )
    assert "s3cret" in output
    (device,) = json.loads(sent[0].content)
    assert (device["kind"], device["site_id"], device["latitude_deg"]) == ("rsu", "s", -1.5)
    assert (device["labels"], device["credential"], device["parent"]) == ({"a": "b=c"}, False, None)
    assert sent[0].headers["authorization"] == "Bearer key"


def test_lists_follow_pages_and_print_json(run: Callable[..., str]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        after = request.url.params["after"]
        page = {"": (["a", "b"], "b"), "b": (["c"], None)}[after]
        return httpx.Response(200, json={"devices": [device(name) for name in page[0]], "next": page[1]})

    assert [row["device_id"] for row in json.loads(run(handler, "device", "list", "--json"))] == ["a", "b", "c"]
    assert "obu" in run(handler, "device", "list")


def test_a_device_in_a_list_takes_one_line_however_long_its_id(run: Callable[..., str]) -> None:
    answer = {"devices": [device("x" * 64, name="车辆"), device("short")], "next": None}
    header, long, short = run(lambda request: httpx.Response(200, json=answer), "device", "list").splitlines()
    assert long.startswith("x" * 64 + "  obu")
    assert header.index("kind") == short.index("obu") == 66
    assert long.index("yes") + 2 == short.index("yes"), "each of two wide characters takes two places"


def test_a_device_is_shown_with_its_zeros_and_its_labels(run: Callable[..., str]) -> None:
    labels = {"owner": "lab", "bay": "3"}
    shown = device("d", elevation_m=0.0, labels=labels, has_credential=False)
    lines = run(lambda request: httpx.Response(200, json=shown), "device", "show", "d").splitlines()
    words = dict(line.split(maxsplit=1) for line in lines)
    assert words["elevation_m"] == "0.0"
    assert words["labels"] == "owner=lab, bay=3"
    assert words["has_credential"] == words["latitude_deg"] == "–"
    plain = run(lambda request: httpx.Response(200, json=device("d")), "device", "show", "d")
    assert "labels            –" in plain


def test_a_site_is_added_and_shown(run: Callable[..., str]) -> None:
    site = {"site_id": "s", "name": "n", "latitude_deg": 1.0, "longitude_deg": 2.0, "elevation_m": 3.0, "time_zone": "UTC"}
    assert "3.0" in run(lambda request: httpx.Response(200, json=site), "site", "show", "s")
    added = run(
        lambda request: httpx.Response(201, json=site), "site", "add", "s", "--latitude", "1", "--longitude", "2", "--json"
    )
    assert json.loads(added) == {**site, "area": None, "operator": None}


def test_a_credential_is_revoked(run: Callable[..., str]) -> None:
    methods: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        methods.append(f"{request.method} {request.url.path}")
        return httpx.Response(204)

    assert run(handler, "device", "credential", "obu-1", "--revoke") == ""
    assert methods == ["DELETE /api/devices/obu-1/credential"]


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (httpx.Response(409, json={"detail": "taken"}), RefusedError, "the registry refused POST /api/devices: taken"),
        (
            httpx.Response(503, json={"detail": "away"}),
            UnreachableError,
            "the registry at http://registry cannot be reached: away",
        ),
        (httpx.Response(502, text="<html>"), RefusedError, "502 Bad Gateway"),
        (httpx.Response(500, json=[]), RefusedError, "500 Internal Server Error"),
    ],
)
def test_refusals_are_one_sentence(run: Callable[..., str], answer: httpx.Response, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        run(lambda request: answer, "device", "add", "x", "obu", "--site", "s")


def test_a_label_without_a_value_is_refused(run: Callable[..., str]) -> None:
    with pytest.raises(ConfigurationError, match="--label = 'a' is not allowed: it has the form KEY=VALUE"):
        run(lambda request: httpx.Response(500), "device", "add", "x", "obu", "--site", "s", "--label", "a")


def test_the_registry_is_found_in_the_environment_or_in_the_sites_directory(tmp_path: Path) -> None:
    assert api.Endpoint.find({"CHELU_API_URL": "http://a", "CHELU_API_KEY": "k"}) == api.Endpoint("http://a", "k")
    with pytest.raises(ConfigurationError, match="CHELU_API_KEY"):
        api.Endpoint.find({"CHELU_API_URL": "http://a"})
    with pytest.raises(ConfigurationError, match="one word: of what `chelu login` prints") as refused:
        api.Endpoint.find({"CHELU_API_URL": "http://a", "CHELU_API_KEY": "token chs_hidden\nexpires 2027-01-01"})
    assert "hidden" not in str(refused.value)
    with pytest.raises(CannotStartError, match=r"no site has been started here .* start a site with `chelu up`"):
        api.Endpoint.find({"CHELU_HOME": str(tmp_path)})
    (tmp_path / "key").write_text("k2\n")
    (tmp_path / "endpoints.json").write_text(json.dumps({"api_url": "http://b", "api_key_file": str(tmp_path / "key")}))
    assert api.Endpoint.find({"CHELU_HOME": str(tmp_path)}) == api.Endpoint("http://b", "k2")
    assert api.Endpoint.find({"CHELU_HOME": str(tmp_path), "CHELU_API_KEY": "own"}) == api.Endpoint("http://b", "own")
    (tmp_path / "endpoints.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        api.Endpoint.find({"CHELU_HOME": str(tmp_path)})


def test_a_key_is_not_shown() -> None:
    assert "secret-key" not in repr(api.Endpoint("http://a", "secret-key"))
    assert "s3cret" not in repr(api.Registered(device_id="a", device_key=1, secret="s3cret"))


@pytest.mark.parametrize(
    "words",
    [
        ("device", "delete", "obu-1/credential"),
        ("device", "show", "obu-1?kind=rsu"),
        ("device", "show", ""),
        ("site", "delete", ".."),
        ("user", "show", "wang#"),
        ("key", "delete", "wang/ci/x"),
        ("inbox", "refuse", "../sites"),
    ],
)
def test_a_name_that_would_be_another_address_is_refused_unasked(run: Callable[..., str], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"name = .* is not allowed: 1\.\.64 of letters, digits"):
        run(lambda request: pytest.fail(f"asked for {request.url}"), *words)


def test_what_set_names_counts_where_an_option_says_otherwise(run: Callable[..., str]) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=[{"device_id": "x", "device_key": 7, "secret": None}])

    run(handler, "device", "add", "x", "rsu", "--site", "s", "--name", "n", "--set", "name=Gate", "--set", "heading_deg=9")
    run(handler, "vehicle", "add", "x", "--site", "s", "--level", "3", "--set", "automation_level=4")
    device, vehicle = (json.loads(request.content)[0] for request in sent)
    assert (device["name"], device["heading_deg"], vehicle["automation_level"]) == ("Gate", 9, 4)


def test_a_change_says_which_fields_can_change(run: Callable[..., str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        run(lambda request: httpx.Response(500), "device", "change", "x", "--set", "lifecycle=active")
    fields = refused.value.allowed.rpartition("one of ")[2].split(", ")
    assert {"name", "site_id", "labels"} < set(fields)
    assert not {"lifecycle", "kind", "device_id", "credential"} & set(fields)


def test_a_vehicle_and_what_is_on_it_are_one_request(run: Callable[..., str]) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=[{"device_id": "bus-1", "device_key": 7, "secret": "s3cret"}])

    run(handler, "vehicle", "add", "bus-1", "--site", "s", "--obu", "obu-1", "--obu", "obu-2")
    assert [json.loads(request.content)[0]["carries"] for request in sent] == [["obu-1", "obu-2"]]


def test_what_strangers_say_tells_the_terminal_nothing(run: Callable[..., str]) -> None:
    said = {"kind": "rsu", "model": "\x1b[2J\x9bHgone\nR0018  registered"}
    keys = dict.fromkeys(["fingerprint", "key", "address", "site_id", "last_heard"], "k")
    waiting = {"serial": "R0017", "said": said, "kept": 1, **keys}
    kept = [{"heard": "now", "topic": "join/R0017/crew.3/data/\u202e", "payload": b"\x1b[31m\xc2\x9b".hex()}]
    listed = run(lambda request: httpx.Response(200, json=[waiting]), "inbox", "list")
    shown = run(lambda request: httpx.Response(200, json={**waiting, "data": kept}), "inbox", "show", "R0017")
    assert "\\x1b[2J\\x9bHgone\\nR0018" in listed
    assert "1 messages\n  now join/R0017/crew.3/data/\\u202e" in shown
    assert all(each.isprintable() for each in (listed + shown).replace("\n", ""))


@pytest.mark.parametrize("name", ["nowhere/register.tar", "directory", "file/register.tar"])
def test_a_backup_that_cannot_be_written_is_said_to_be(run: Callable[..., str], tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"FILE = .* is not allowed: it cannot be written \("):
        run(lambda request: httpx.Response(200, content=b"tar"), "backup", str(tmp_path / name))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["directory", "file"]


@pytest.mark.parametrize("name", ["net.xml", "net.xml.gz"])
def test_roads_are_put_and_saved_packed_or_not(run: Callable[..., str], tmp_path: Path, name: str) -> None:
    network = b'<net version="1.9"/>'
    kept: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            kept.append(request.content)
            return httpx.Response(201, json={"version": 3})
        return httpx.Response(200, content=kept[-1])

    file, copy = tmp_path / name, tmp_path / f"copy.{name}"
    file.write_bytes(gzip.compress(network, mtime=0) if name.endswith(".gz") else network)
    assert run(handler, "site", "roads", "s", "--put", str(file)) == "roads of s: version 3\n"
    run(handler, "site", "roads", "s", "--save", str(copy))
    assert gzip.decompress(kept[0]) == network
    assert copy.read_bytes() == file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"--put = .* it cannot be read"):
        run(handler, "site", "roads", "s", "--put", str(tmp_path))
    with pytest.raises(ConfigurationError, match="one of the two"):
        run(handler, "site", "roads", "s")


def test_a_team_and_roles_are_taken_away_by_naming_none(run: Callable[..., str]) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"user_name": "wang", "roles": [], "version": 4})

    run(handler, "user", "change", "wang", "--role", "", "--team", "", "--no-active")
    run(handler, "user", "change", "wang", "--name", "")
    changes = [json.loads(request.content) for request in sent if request.method == "PATCH"]
    assert changes == [{"is_active": False, "roles": [], "team": None}, {"full_name": ""}]


def test_several_things_are_shown_one_after_the_other(run: Callable[..., str]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            ring = [[106.5, 29.5], [106.52, 29.5], [106.5, 29.5]]
            return httpx.Response(200, json=[{"zone_id": "depot", "reason": "r", "polygon": {"coordinates": [ring]}}])
        return httpx.Response(201, json={**json.loads(request.content), "key": "k", "owner": "wang", "uses": []})

    shown = run(handler, "key", "add", "k", "--scope", "register:read", "--scope", "data:read").splitlines()
    assert "scopes   register:read, data:read" in shown
    assert "uses     –" in shown
    assert "106.5, 29.5; 106.52, 29.5; 106.5, 29.5" in run(handler, "data", "zone", "list", "s")

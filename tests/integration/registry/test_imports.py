"""Files of devices: imported as a whole or not at all, and exported so that they can be imported again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from chelu.api import Client, NewDevice
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, Place, chelu

CSV = "text/csv"
BAD = f"""device_id,kind,site_id,parent,heading_deg
file-1,rsu,{SITE},,90
file-2,tram,{SITE},,400
file-3,obu,nowhere,,
file-4,obu,{SITE},file-3,
file-5,obu,{SITE},file-4,
file-6,obu,{SITE},file-1,
"""
BAD_LINES = [(3, "kind"), (3, "heading_deg"), (4, "site_id"), (5, "parent"), (6, "parent")]


def ids(client: Client, words: str) -> list[str]:
    return [device.device_id for device in client.devices(q=words)]


def test_a_dry_run_lists_all_that_is_bad_and_imports_nothing(client: Client) -> None:
    report = client.import_devices(BAD.encode(), CSV, is_dry_run=True)
    assert sorted((fault.line, fault.field) for fault in report.faults) == sorted(BAD_LINES)
    assert (report.good, report.registered, report.is_refused) == (2, [], False)
    assert ids(client, "file") == []


def test_one_bad_row_keeps_all_out_unless_it_is_skipped(client: Client) -> None:
    refused = client.import_devices(BAD.encode(), CSV)
    assert refused.is_refused
    assert sorted((fault.line, fault.field) for fault in refused.faults) == sorted(BAD_LINES)
    assert ids(client, "file") == []
    report = client.import_devices(BAD.encode(), CSV, is_skipping_bad=True)
    assert [(one.device_id, one.secret is not None) for one in report.registered] == [("file-1", True), ("file-6", False)]
    assert ids(client, "file") == ["file-1", "file-6"]


@pytest.mark.parametrize("name", ["csv", "geojson"])
def test_an_export_is_imported_as_it_was(client: Client, tmp_path: Path, place: Place, name: str) -> None:
    base = NewDevice(device_id="copy-bus", kind=Kind.VEHICLE, site_id=SITE, vin="1M8GDM9AXKP042788", automation_level=0)
    carried = NewDevice(
        device_id="copy-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="copy-bus", labels={"a": 'b,"c"'}, name='渝 "1"'
    )
    placed = NewDevice(
        device_id="copy-rsu",
        kind=Kind.RSU,
        site_id=SITE,
        latitude_deg=29.5,
        longitude_deg=106.5,
        elevation_m=200.25,
        vehicle_id="ffffffffffffffff",
        lifecycle="active",
        mounting={"on": "gantry", "height_m": 6.5},
        calibration={"at": "2026-01-02T03:04:05Z", "parameters": {"k": [1.0]}},
    )
    client.add_devices([base, carried, placed])

    def state() -> list[dict[str, object]]:
        found = client._json("GET", "/api/devices", params={"q": "copy"})["devices"]
        return [{key: value for key, value in each.items() if key not in {"device_key", "created"}} for each in found]

    before = state()
    file = tmp_path / f"devices.{name}"
    assert chelu(place, "device", "export", str(file), "copy").returncode == 0
    for device_id in ("copy-obu", "copy-bus", "copy-rsu"):
        client.delete_device(device_id)
    secrets = tmp_path / "secrets.csv"
    done = chelu(place, "device", "import", str(file), "--secrets", str(secrets))
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "3 registered, 0 bad"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert len(secrets.read_text().splitlines()) == 4
    assert state() == before
    for device_id in ("copy-obu", "copy-bus", "copy-rsu"):
        client.delete_device(device_id)


def test_ten_thousand_devices_of_a_file_take_less_than_twenty_seconds(client: Client, place: Place, tmp_path: Path) -> None:
    rows = "".join(f"bulk-{n:05d},obu,{SITE},Unit {n},SN{n},29.5,106.5,{n % 50}\n" for n in range(10_000))
    file = tmp_path / "bulk.csv"
    file.write_text("device_id,kind,site_id,name,serial,latitude_deg,longitude_deg,label.bay\n" + rows)
    secrets = tmp_path / "secrets.csv"
    started_s = time.monotonic()
    done: subprocess.CompletedProcess[str] = chelu(place, "device", "import", str(file), "--secrets", str(secrets))
    took_s = time.monotonic() - started_s
    assert done.returncode == 0, done.stderr
    print(f"\n10,000 devices with credentials by `chelu device import`: {took_s:.1f} s")
    assert len(set(secrets.read_text().splitlines())) == 10_001
    assert took_s < 20
    started_s = time.monotonic()
    exported = client.export_devices("geojson", q="bulk")
    print(f"10,000 devices exported as GeoJSON: {time.monotonic() - started_s:.1f} s")
    assert len(json.loads(exported)["features"]) == 10_000


def test_the_command_lists_bad_lines_and_fails(place: Place, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("device_id,kind,site_id\nx y,obu,hillside\n")
    done = chelu(place, "device", "import", str(file), "--dry-run")
    assert (done.returncode, done.stderr.strip()) == (1, "0 registered, 1 bad, 0 good")
    assert "x y" in done.stdout
    assert chelu(place, "device", "import", str(tmp_path / "none.csv")).stderr.startswith("chelu: FILE")
    assert "a new file" in chelu(place, "device", "import", str(file), "--secrets", str(file)).stderr


def test_a_file_of_secrets_is_left_only_when_there_are_some(place: Place, client: Client, tmp_path: Path) -> None:
    file, secrets = tmp_path / "devices.csv", tmp_path / "secrets.csv"
    file.write_text("device_id,kind,site_id\nagain-1,tram,hillside\n")
    assert chelu(place, "device", "import", str(file), "--secrets", str(secrets)).returncode == 1
    assert not secrets.exists()
    file.write_text("device_id,kind,site_id\nagain-1,rsu,hillside\n")
    done = chelu(place, "device", "import", str(file), "--secrets", str(secrets))
    assert (done.returncode, done.stderr.strip()) == (0, "1 registered, 0 bad")
    assert secrets.read_text().startswith("device_id,secret\nagain-1,")


def test_devices_without_a_secret_are_only_counted(place: Place, client: Client, tmp_path: Path) -> None:
    client.add_devices([NewDevice(device_id="cars-gateway", kind=Kind.GATEWAY, site_id=SITE)])
    file = tmp_path / "devices.csv"
    rows = "".join(f"gated-{number},vehicle,{SITE},cars-gateway\n" for number in range(3))
    file.write_text("device_id,kind,site_id,parent\n" + rows)
    done = chelu(place, "device", "import", str(file))
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "3 registered, 0 bad; 3 without a secret of their own")


def test_secrets_that_the_disk_does_not_take_are_printed(place: Place, client: Client, tmp_path: Path) -> None:
    file, secrets = tmp_path / "devices.csv", tmp_path / "secrets.csv"
    file.write_text("device_id,kind,site_id\nfull-1,rsu,hillside\n")
    small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); from chelu.cli import main; main()"
    command = [sys.executable, "-B", "-c", small, "device", "import", str(file), "--secrets", str(secrets)]
    environment = {**os.environ, "CHELU_API_URL": place.url, "CHELU_API_KEY": KEY}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("device_id,secret\nfull-1,")
    assert "the secrets are printed above, and kept nowhere" in done.stderr
    assert not secrets.exists()


@pytest.mark.parametrize(
    ("media_type", "content", "status"),
    [
        ("text/plain", b"x", 415),
        ("application/geo+json", b"{", 422),
        ("application/geo+json", b"\xff", 422),
        (CSV, b"", 422),
        (CSV, b"device_id,kind,site_id\n", 422),
        (CSV, b"device_id,kind,site_id\n" + b"a,obu,s\n" * 100_001, 413),
    ],
)
def test_files_that_are_none_are_refused(place: Place, client: Client, media_type: str, content: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": media_type}
    answer = httpx.post(f"{place.url}/api/import/devices", content=content, headers=headers, timeout=60)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["allowed"]

"""The commands as they are typed, against a running registry."""

from __future__ import annotations

import json

from chelu.api import Client
from tests.integration.registry.conftest import SITE, Place, chelu


def test_a_device_is_registered_listed_and_shown(place: Place, client: Client) -> None:
    added = chelu(
        place, "device", "add", "typed-1", "rsu", "--site", SITE, "--latitude", "29.534", "--longitude", "106.57", "--json"
    )
    assert added.returncode == 0, added.stderr
    device = json.loads(added.stdout)
    assert len(device["secret"]) == 43
    assert "typed-1" in chelu(place, "device", "list", "--kind", "rsu").stdout
    assert json.loads(chelu(place, "device", "show", "typed-1", "--json").stdout)["latitude_deg"] == 29.534
    fresh = json.loads(chelu(place, "device", "credential", "typed-1", "--json").stdout)["secret"]
    assert fresh != device["secret"]
    assert SITE in chelu(place, "site", "list").stdout


def test_a_refusal_is_one_sentence_and_a_failure(place: Place, client: Client) -> None:
    refused = chelu(place, "device", "add", "typed-2", "rsu", "--site", "nowhere")
    assert refused.returncode == 1
    text = "chelu: the registry refused POST /api/devices: [0].site_id = 'nowhere' is not allowed: a registered site"
    assert refused.stderr.strip() == text


def test_who_decides_at_a_signal_is_said_by_its_labels_and_nonsense_is_refused(place: Place, client: Client) -> None:
    for name in ("xing-1", "xing-2"):
        assert chelu(place, "device", "add", name, "signal", "--site", SITE, "--label", "bay=3").returncode == 0
    changed = chelu(place, "city", "signals", "set", "--site", SITE, "--controller", "greedy", "--priority", "none", "--json")
    assert [row["control"] for row in json.loads(changed.stdout)] == ["greedy", "greedy"], changed.stderr
    assert chelu(place, "city", "signals", "plan", "xing-1", "25", "15.5").returncode == 0
    rows = {row["device_id"]: row for row in json.loads(chelu(place, "city", "signals", "list", "--json").stdout)}
    assert (rows["xing-1"]["control"], rows["xing-1"]["plan"], rows["xing-2"]["control"]) == ("manual", "25,15.5", "greedy")
    assert client.device("xing-1").labels["bay"] == "3"
    for wrong in (
        ("set", "xing-1", "--controller", "magic"),
        ("plan", "xing-1", "0.5", "3"),
    ):
        assert chelu(place, "city", "signals", *wrong).returncode == 1, wrong

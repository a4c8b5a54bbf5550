"""The commands as they are typed, against a running registry."""

from __future__ import annotations

import json

from chelu.api import Client
from tests.integration.registry.conftest import SITE, Place, chelu


def test_a_device_is_registered_listed_and_shown(place: Place, client: Client) -> None:
    added = chelu(place, "device", "add", "typed-1", "rsu", "--site", SITE, "--latitude", "29.534", "--json")
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

"""What went to devices that are gone is no more everybody's than it was: on a real registry, database and broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chelu.api import Client, Site
from chelu.errors import RefusedError
from tests.integration.registry.conftest import Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, command, talk

__all__ = ["registry_account", "talk"]

NAME = "gone"
CALLS = (
    ("GET", "dispatches", "{dispatch}"),
    ("DELETE", "dispatches", "{dispatch}"),
    ("GET", "campaigns", NAME),
    ("POST", "campaigns", NAME, "pause"),
    ("POST", "campaigns", NAME, "roll-back"),
)


@pytest.fixture(scope="module")
def elsewhere(client: Client, place: Place) -> Iterator[Client]:
    """An operator of another site."""
    client.add_site(Site(site_id="dale", latitude_deg=0, longitude_deg=0))
    roles = [{"site": "dale", "role": "operator"}]
    client.people("POST", "users", json={"user_name": "dora", "password": "a long password", "roles": roles})
    with Client(place.url, client.people("POST", "keys", json={"name": "k", "owner": "dora"})["key"]) as other:
        yield other


def test_an_operator_of_another_site_gets_nothing_of_it_before_and_after(client: Client, elsewhere: Client, talk: Talk) -> None:
    talk(NAME)
    dispatch = str(command(client, "ping", NAME)["dispatch_id"])
    body = {"campaign_id": NAME, "change": {"heartbeat_s": 9}, "selection": {"devices": [NAME]}, "waves": [1.0]}
    client.people("POST", "campaigns", json=body)
    for is_gone, needed in ((False, "site 'hillside'"), (True, "all sites")):
        if is_gone:
            client.people("DELETE", "devices", NAME)
        for call in CALLS:
            with pytest.raises(RefusedError, match=f"needed is (viewer|operator) on {needed}"):
                elsewhere.people(*(part.format(dispatch=dispatch) for part in call))
        assert elsewhere.people("GET", "dispatches")["dispatches"] == []
        assert elsewhere.people("GET", "campaigns") == []
        assert elsewhere.people("GET", "dispatches", dispatch, "orders")["orders"] == []
        assert elsewhere.people("GET", "campaigns", NAME, "devices")["devices"] == []
    assert client.people("GET", "dispatches", dispatch)["states"] == {}
    assert client.people("GET", "campaigns", NAME)["devices"] == 0

"""`chelu rscu` at a real register."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from chelu.api import Client, NewDevice, Site
from chelu.errors import ConfigurationError
from chelu.topics import Kind
from simulators.rscu_run import Request, run
from tests.integration.registry.conftest import KEY, Place

TRACE = Path("simulators/data/district_trace.npz")


@pytest.mark.parametrize("kind", [Kind.RSU, Kind.RSCU])
def test_a_name_that_stands_on_another_site_is_refused_before_a_site_is_made(
    client: Client, place: Place, tmp_path: Path, kind: Kind
) -> None:
    client.add_site(Site(site_id=f"{kind}-valley", latitude_deg=29.5, longitude_deg=106.5))
    client.add_devices([NewDevice(device_id=f"{kind}-taken", kind=kind, site_id=f"{kind}-valley")])
    before = {site.site_id for site in client.sites()}
    environ = {"CHELU_HOME": str(tmp_path), "CHELU_API_URL": place.url, "CHELU_API_KEY": KEY}
    request = Request(TRACE, f"{kind}-taken", "elsewhere", 1.0, 0.0, 1.0, has_ack=False)
    with pytest.raises(
        ConfigurationError, match=f"a roadside computer of elsewhere; it is registered as {kind} of {kind}-valley"
    ):
        run(request, Console(file=io.StringIO()), environ)
    assert {site.site_id for site in client.sites()} == before

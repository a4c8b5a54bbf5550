"""The pages of cooperation say the parameters as they are, and every application has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from services.inference.coop.catalogue import APPLICATIONS, PREFIX, SESSIONS, names, parameters_of
from services.inference.coop.exchanges import EXCHANGES
from services.inference.coop.table import SessionParameters
from services.inference.parameters import table

PAGES = Path(__file__).parents[3] / "docs" / "applications"


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_application_has_a_page_with_its_parameters(application) -> None:
    page = PAGES / ("coop-exchanges.md" if application in EXCHANGES else f"coop-{application.name}.md")
    assert table(application.parameters) in page.read_text(encoding="utf-8")


def test_the_bounds_of_sessions_are_on_the_common_page() -> None:
    assert table(SessionParameters) in (PAGES / "coop.md").read_text(encoding="utf-8")


def test_a_site_may_have_other_values_and_a_wrong_one_is_refused() -> None:
    chosen = parameters_of({"coop_vru": {"margin_s": 3.0}, SESSIONS: {"most_of_device": 2}}, where="test")
    assert chosen["coop_vru"].margin_s == 3.0
    assert chosen[SESSIONS].most_of_device == 2
    assert set(chosen) == set(names()) == {SESSIONS, *(PREFIX + one.name for one in APPLICATIONS)}
    with pytest.raises(ConfigurationError, match="margin_s = 99"):
        parameters_of({"coop_vru": {"margin_s": 99}}, where="test")

"""A bad configuration names the key, the value and what is allowed."""

from pathlib import Path

import pytest
from pydantic import Field, field_validator

from chelu.errors import ConfigurationError
from chelu.settings import Settings


class Example(Settings):
    url: str
    batch_rows: int = Field(default=100, ge=1, le=1000)


def test_environment_wins_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text('url = "a"\nbatch_rows = 5\n')
    settings = Example.load(environ={"CHELU_X_BATCH_ROWS": "7", "CHELU_X_UNRELATED": "?"}, prefix="CHELU_X_", file=file)
    assert settings == Example(url="a", batch_rows=7)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"url.*required"):
        Example.load(environ={}, prefix="X_")


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text('url = "a"\nbatch_row = 5\n')
    with pytest.raises(ConfigurationError, match=r"example\.toml: batch_row = 5 .* no setting of that name"):
        Example.load(environ={}, prefix="X_", file=file)


def test_a_value_out_of_bounds_is_named_with_the_bound() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Example.load(environ={"X_URL": "a", "X_BATCH_ROWS": "5000"}, prefix="X_")
    assert (caught.value.key, caught.value.value) == ("batch_rows", "5000")
    assert "1000" in caught.value.allowed


class Checked(Example):
    @field_validator("url")
    @classmethod
    def _is_short(cls, url: str) -> str:
        if len(url) > 5:
            raise ValueError("it must have at most 5 characters")
        return url


def test_a_refusal_of_our_own_is_a_plain_sentence_and_a_long_value_keeps_both_ends() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Checked.check({"url": "x" * 499 + "r"}, source="here")
    assert str(caught.value) == f"here: url = '{'x' * 39}…{'x' * 38}r' is not allowed: it must have at most 5 characters"


@pytest.mark.parametrize(("text", "what"), [("url = ", "not TOML"), (None, "cannot be read")])
def test_a_file_that_is_no_toml_says_so(tmp_path: Path, text: str | None, what: str) -> None:
    file = tmp_path / "broken.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=what):
        Example.load(environ={}, prefix="X_", file=file)

"""What `deploy/` says against what the components understand."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from chelu.local.mosquitto import Configuration, render
from chelu.settings import Settings
from edge.settings import EdgeSettings

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SHARED = {"CHELU_DATABASE_URL", "CHELU_MQTT_URL", "CHELU_READY_FILE"}
INSTRUCTIONS = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD", "EXPOSE"}
SERVICE_KEYS = {
    *("image", "build", "command", "entrypoint", "environment", "volumes", "ports", "depends_on", "healthcheck", "user", "pid"),
    *("profiles", "configs", "restart", "init", "logging", "shm_size"),
}
CONDITIONS = {"service_healthy", "service_completed_successfully", "service_started"}
OWN_IMAGES = ("prepare", "registry", "ingest", "inference", "quality", "edge")


@cache
def compose() -> dict[str, Any]:
    value = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(value, dict)
    return value


@cache
def dockerfile() -> tuple[tuple[str, str], ...]:
    """(instruction, arguments) with continued lines joined."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return tuple((word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines))


def settings_of(module: str) -> set[str]:
    """Every environment variable that a component's settings class reads."""
    found = importlib.import_module(f"{module}.settings")
    prefix = getattr(found, "PREFIX", f"CHELU_{module.rpartition('.')[2].upper()}_")
    classes = [value for value in vars(found).values() if isinstance(value, type) and issubclass(value, Settings)]
    return {prefix + "FILE"} | {prefix + name.upper() for kind in classes for name in kind.model_fields}


def test_every_service_has_only_keys_that_compose_knows() -> None:
    assert set(compose()) == {"name", "x-service", "services", "configs", "volumes"}
    for name, service in compose()["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert ("image" in service) != ("build" in service), name


def test_the_site_has_all_its_parts() -> None:
    assert {"database", "mosquitto", "registry", "ingest", "inference", "quality", "edge"} <= set(compose()["services"])


def test_dependencies_volumes_and_configs_exist() -> None:
    services = compose()["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy" and "build" not in services[other]:
                assert "healthcheck" in services[other], f"{name} waits for {other}, which never becomes healthy"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            is_known = source in compose()["volumes"] or source == "./edge.secret" or (DEPLOY / source).exists()
            assert is_known, f"{name}: {source}"
        assert {config["source"] for config in service.get("configs", ())} <= set(compose()["configs"])


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_an_image_is_built_from_what_there_is(name: str) -> None:
    build = compose()["services"][name]["build"]
    context = DEPLOY / build["context"]
    assert (context / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert (context / "requirements" / f"{build['args']['COMPONENT']}.txt").exists()
    assert build["args"]["COMPONENT"] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert importlib.util.find_spec(build["args"]["MODULE"])


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_only_settings_that_exist_are_named(name: str) -> None:
    service = compose()["services"][name]
    assert set(service.get("environment", {})) <= SHARED | settings_of(service["build"]["args"]["MODULE"])


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    lines = (DEPLOY / "env.example").read_text().splitlines()
    assert used == {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


def test_accounts_are_those_of_the_services() -> None:
    accounts = json.loads(compose()["configs"]["accounts"]["content"])
    assert set(accounts) == {"registry", "live", "ingest", "inference"}


def test_the_edge_agent_understands_its_configuration() -> None:
    values = tomllib.loads((DEPLOY / "edge.toml").read_text())
    assert EdgeSettings.check(values, source="deploy/edge.toml").id == "rsu-1"


def test_the_dockerfile_has_only_instructions_that_exist_and_copies_what_there_is() -> None:
    assert dockerfile()[0] == ("FROM", "python:3.11-slim")
    for word, rest in dockerfile():
        assert word in INSTRUCTIONS
        if word == "COPY":
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() for source in sources), rest
        if word == "RUN":
            assert shlex.split(rest)
        if word in {"ENTRYPOINT", "CMD"}:
            assert all(isinstance(part, str) for part in json.loads(rest))


def test_every_argument_of_the_dockerfile_is_declared_before_it_is_used() -> None:
    declared = {"CHELU_MODULE"}
    for word, rest in dockerfile():
        if word == "ARG":
            declared.add(rest.partition("=")[0])
        if word != "ENTRYPOINT":
            assert set(re.findall(r"\$\{?(\w+)", rest)) <= declared, rest


def test_images_install_locked_packages_with_their_hashes_and_not_as_root() -> None:
    installs = [rest for word, rest in dockerfile() if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    assert dockerfile()[-3][0] == "USER"
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {source for word, rest in dockerfile() if word == "COPY" for source in rest.split()[:-1]}
    assert copied == {line[1:] for line in ignored if line.startswith("!")}


def test_the_brokers_limits_are_those_of_a_site_on_one_machine() -> None:
    deployed = (DEPLOY / "mosquitto.conf").read_text().replace("268435456", str(256 << 20)).splitlines()
    own = render(Configuration(port=1883), is_root=False).splitlines()
    limits = [line for line in own if re.match(r"max_|persistent_|queue_|sys_|log_|set_", line)]
    assert limits
    assert set(limits) <= set(deployed)


def test_no_file_holds_a_secret() -> None:
    assert all(
        not line.partition("=")[2] for line in (DEPLOY / "env.example").read_text().splitlines() if not line.startswith("#")
    )
    assert not re.search(r"(PASSWORD|KEY): [^$\s]", (DEPLOY / "compose.yaml").read_text())

"""Signal controllers judged on a network of our own with SUMO: the command's way, short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from evaluation.signals import network
from evaluation.signals.networks import fork, write
from services.inference.city.signals.alternatives import INPUTS
from services.inference.city.signals.learned import OnnxPolicy

pytestmark = pytest.mark.skipif(find_spec("libsumo") is None, reason="libsumo is not installed (extra sumo)")
END_S = 300


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write(fork(), tmp_path_factory.mktemp("networks"), end_s=END_S)


def evaluate(net: Path, route: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = "from chelu.cli import main; main()"
    command = [sys.executable, "-c", program, "evaluate", "signals", "--net", str(net), "--route", str(route), *options]
    environment = os.environ | {"COLUMNS": "160"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_a_cell_is_judged_safe_and_the_predictive_controller_beats_the_plan(files, tmp_path: Path) -> None:
    file = tmp_path / "signals.json"
    options = ["--begin", "0", "--end", str(END_S), "--seeds", "1", "--json", str(file)]
    done = evaluate(*files, *options, "--controllers", "fixed,predictive")
    assert done.returncode == 0, done.stderr
    assert "1 traffic lights" in done.stdout
    first = json.loads(file.read_text())
    found = first["summary"]["1"]
    assert found["predictive"]["breaches"] == found["fixed"]["breaches"] == 0
    assert found["predictive"]["delay_s"] < 0.8 * found["fixed"]["delay_s"]
    trips = sum(found["predictive"][name] for name in ("completed", "on_the_way", "never_departed"))
    assert trips == found["predictive"]["due"] == files[1].read_text().count("<trip ")
    assert evaluate(*files, *options, "--controllers", "fixed,predictive,greedy", "--resume").returncode == 0
    second = json.loads(file.read_text())
    assert second["tasks"].keys() - first["tasks"].keys() == {"1/1/greedy"}
    assert second["tasks"]["1/1/fixed"] == first["tasks"]["1/1/fixed"]


def test_a_trip_without_a_way_ends_the_run_naming_it(files, tmp_path: Path) -> None:
    route = tmp_path / "lost.rou.xml"
    route.write_text('<routes><trip id="lost" depart="1" from="c_w" to="e_c"/></routes>')
    done = evaluate(files[0], route, "--begin", "0", "--end", "60", "--seeds", "1", "--controllers", "fixed")
    assert done.returncode == 1
    assert "'lost'" in done.stderr


@pytest.mark.parametrize("command", ["district run --hours 0.01", "evaluate corridor --seeds 1, --mission c_w:e_c"])
def test_a_demand_with_roads_that_the_network_lacks_is_refused_by_name_whoever_is_to_drive_it(files, tmp_path, command) -> None:
    route = tmp_path / "strange.rou.xml"
    route.write_text(
        '<routes><trip id="a" depart="1" from="c_w" to="gone"/><trip id="b" depart="2" from="c_w" to="gone"/></routes>'
    )
    words = [*command.split(), "--net", str(files[0]), "--route", str(route), "--begin", "0"]
    program = "from chelu.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "unknown are 'gone' (2 times)" in " ".join(done.stderr.split())


def test_the_judged_networks_are_the_same_each_time(files, tmp_path: Path) -> None:
    net, route = write(fork(), tmp_path, end_s=END_S)
    assert (net.read_bytes(), route.read_bytes()) == tuple(file.read_bytes() for file in files)
    found = network.read(net)
    assert found.lights == {"c": set(range(9))}
    assert found.foes["c", 2] == {("c", 5), ("c", 7), ("c", 8)}


def test_a_policy_is_trained_on_networks_of_our_own_and_says_what_ways_are_worth(tmp_path: Path) -> None:
    file = tmp_path / "policy.onnx"
    program = "from chelu.cli import main; main()"
    options = ("--rounds", "1", "--seconds", "60", "--out", str(file))
    done = subprocess.run(
        [sys.executable, "-c", program, "train", "policy", *options],
        capture_output=True, text=True, timeout=240, check=False, env=os.environ | {"COLUMNS": "160"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "round 1 of 1" in done.stdout
    said = OnnxPolicy(file).worth(np.zeros((2, INPUTS), np.float32))
    assert said.shape == (2,)
    assert np.isfinite(said).all()

"""Make the district: plain XML → netconvert → network; seed → trips → duarouter → demand. The same seed gives the same bytes.

    python -m simulators.district.build [--seed 115] [--directory simulators/data]

Needs SUMO's command line tools (extra ``sumo``); writes district.net.xml.gz, district.rou.xml.gz and district.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from chelu.errors import CannotStartError, CheluError
from simulators.district.demand import trips
from simulators.district.plan import district

SEED = 115
WARM_UP_S = 260.0
RECORDED_S = 100.0
# The coordinates are an origin, no more: the district is invented.
SITE = {"name": "Hillside district", "latitude_deg": 29.55, "longitude_deg": 106.57, "elevation_m": 250.0}
DATA = Path(__file__).resolve().parent.parent / "data"
NETCONVERT = (
    "--offset.disable-normalization", "--no-turnarounds", "--crossings.guess", "--walkingareas", "--tls.group-signals",
    "--tls.cycle.time", "90", "--tls.allred.time", "2", "--geometry.max-grade", "8",
    "--junctions.corner-detail", "5", "--precision", "2",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Write network, demand and site facts."""
    parser = argparse.ArgumentParser(prog="python -m simulators.district.build", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=SEED, help="decides the demand (default %(default)s)")
    parser.add_argument("--directory", type=Path, default=DATA, help="where to write (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        build(options.seed, options.directory)
    except CheluError as error:
        sys.exit(f"district: {error}")


def build(seed: int, directory: Path) -> None:
    """Network, demand and facts into `directory`; raises CannotStartError when a tool is missing or refuses its input."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        network = _network(Path(scratch))
        routes = _routes(Path(scratch), network, seed)
        _write(directory / "district.net.xml.gz", network)
        _write(directory / "district.rou.xml.gz", routes)
    facts = {"site": SITE, "seed": seed, "warm_up_s": WARM_UP_S, "recorded_s": RECORDED_S, "network": "district.net.xml.gz"}
    (directory / "district.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _network(scratch: Path) -> Path:
    nodes, edges, turns = district().write(scratch)
    target = scratch / "district.net.xml"
    run_tool("netconvert", "-n", nodes, "-e", edges, "-x", turns, "-o", target, *NETCONVERT)
    return target


def _routes(scratch: Path, network: Path, seed: int) -> Path:
    source, target = scratch / "trips.xml", scratch / "district.rou.xml"
    source.write_text(trips(seed, WARM_UP_S + RECORDED_S), encoding="utf-8")
    run_tool(
        "duarouter", "-n", network, "--route-files", source, "-o", target, "--seed", str(seed),
        "--weights.random-factor", "1.6", "--junction-taz", "false",
    )  # fmt: skip
    return target


def find_tool(name: str) -> str | None:
    """One of SUMO's tools: beside this Python, else on the PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run one of SUMO's tools; its complaint becomes the error's sentence."""
    program = find_tool(name)
    if program is None:
        raise CannotStartError(f"SUMO's {name} is not installed", "run: pip install 'chelu[sumo]'")
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)  # noqa: S603 (fixed programs)
    if result.returncode:
        raise CannotStartError(f"{name} failed ({result.stderr.strip()[-300:]})", "mend its input")
    if result.stderr.strip():
        print(result.stderr.strip(), file=sys.stderr)


def _write(target: Path, source: Path) -> None:
    """Gzip without the tool's header comment and without times, so that equal input gives equal bytes."""
    text = re.sub(r"<!--.*?-->\s*", "", source.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()

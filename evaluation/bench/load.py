"""What the load generator costs: `python -m evaluation.bench.load --vehicles 50000`, without a broker.

Prepares ticks of 5 ms of single BSMs and writes them to a socket whose other end, a process of its own, only reads. Processor
seconds of the writing process, beside what asn1tools needs to encode the same frames.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from chelu.codec.cv2x_spec import spec
from simulators.load.bsm import BsmSource
from simulators.load.devices import Devices
from simulators.load.portion import Portion
from simulators.load.settings import LoadSettings

START_US = 1_700_000_000_000_000
TICK_US = 5_000
SLOW_FRAMES = 500
SINK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
client, _ = server.accept()
buffer = bytearray(1 << 20)
while client.recv_into(buffer):
    pass
"""


def main(arguments: list[str] | None = None) -> None:
    """Print nanoseconds a message."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench.load", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--vehicles", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of the load's time")
    options = parser.parse_args(arguments)
    source = BsmSource(Devices(LoadSettings(vehicles=options.vehicles, seconds=options.seconds)))
    source.begin(START_US)
    prepare_s, all_s, count, last = _send(source)
    slow_s = _encode(last)
    print(f"{count:,} messages of {options.vehicles:,} vehicles in ticks of {TICK_US // 1000} ms, of one core:")
    print(f"  prepared              {prepare_s / count * 1e9:8.0f} ns a message = {count / prepare_s:12,.0f} messages/s")
    print(f"  prepared and written  {all_s / count * 1e9:8.0f} ns a message = {count / all_s:12,.0f} messages/s")
    print(f"  encoded by asn1tools  {slow_s * 1e9:8.0f} ns a message = {1 / slow_s:12,.0f} messages/s")


def _send(source: BsmSource) -> tuple[float, float, int, Portion]:
    """Processor seconds to prepare, and to prepare and write; messages; the last of them."""
    prepare_s, count, due_us = 0.0, 0, 0
    with _sink() as client:
        begun_s = time.process_time()
        while source.next_us is not None:
            due_us += TICK_US
            before_s = time.process_time()
            portions = source.until(due_us)
            prepare_s += time.process_time() - before_s
            for last in portions:
                client.sendall(last.data.data)
                count += len(last)
        return prepare_s, time.process_time() - begun_s, count, last


def _encode(portion: Portion) -> float:
    """Processor seconds a frame that asn1tools takes."""
    slow = spec().slow
    frames = [portion.data[a:b].tobytes() for a, b in zip(portion.payload, portion.stop, strict=True)][:SLOW_FRAMES]
    values = [slow.decode(frame) for frame in frames]
    begun_s = time.process_time()
    for value in values:
        slow.encode(value)
    return (time.process_time() - begun_s) / len(values)


@contextmanager
def _sink() -> Iterator[socket.socket]:
    with subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            if process.stdout is None:
                raise RuntimeError("the reader's output is not a pipe")
            with closing(socket.create_connection(("127.0.0.1", int(process.stdout.readline())))) as client:
                yield client
        finally:
            process.kill()


if __name__ == "__main__":
    main()

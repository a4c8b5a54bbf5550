"""A recorded byte stream on loopback: answers like a broker, then sends a file of PUBLISH packets to whoever asks.

Run by `evaluation.bench.bus` as ``python -m evaluation.bench.recording FILE TIMES``; prints its port.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

RAW = b"raw"  # what a reader says that wants the stream alone
CONNACK_5, CONNACK_3 = b"\x20\x03\0\0\0", b"\x20\x02\0\0"
PIECE = 1 << 20


@contextmanager
def served(packets: Sequence[bytes], times: int = 1) -> Iterator[int]:
    """The port at which this stream, so many times over, is to be had by any number of readers."""
    with tempfile.TemporaryDirectory(prefix="chelu-bench-") as directory:
        file = Path(directory) / "stream"
        file.write_bytes(b"".join(packets))
        command = [sys.executable, "-m", "evaluation.bench.recording", str(file), str(times)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
            try:
                if process.stdout is None:
                    raise RuntimeError("the server's output is not a pipe")
                yield int(process.stdout.readline())
            finally:
                process.kill()


def main(file: str, times: int) -> None:
    """Serve one reader at a time, until killed."""
    stream = memoryview(Path(file).read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _greet(client)
                for _ in range(times):
                    for start in range(0, len(stream), PIECE):
                        client.sendall(stream[start : start + PIECE])
                client.recv(4096)  # until it has gone


def _greet(client: socket.socket) -> None:
    """Read CONNECT and SUBSCRIBE, each of which comes in one piece on loopback, and say yes to both."""
    first = client.recv(4096)
    if first == RAW:
        return
    is_5 = first[first.index(b"MQTT") + 4] == 5
    client.sendall(CONNACK_5 if is_5 else CONNACK_3)
    asked = client.recv(4096)
    number = asked[2:4]
    client.sendall(b"\x90\x04" + number + b"\0\0" if is_5 else b"\x90\x03" + number + b"\0")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

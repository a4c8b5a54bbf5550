"""Native code for what numpy cannot do fast, behind functions that also exist without it.

C files without Python's headers (`chelu.c` for MQTT, `uper.c` for UPER, `meet.c`, `near.c`, `passage.c` for conflicts,
`rollout.c` for signal control), compiled when Chelu is installed and a C compiler is there (`chelu.native.build`), loaded by
ctypes. A library's name carries the digest of its sources, so one that was made of another version is never loaded.
``CHELU_NATIVE=0`` leaves it unused.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def sources() -> list[Path]:
    """The C files that make the library."""
    return sorted(HERE.glob("*.c"))


def library_name() -> str:
    """The file name of the library made of these sources."""
    return f"chelu-{hashlib.sha256(b''.join(path.read_bytes() for path in sources())).hexdigest()[:16]}.so"


@cache
def library() -> ctypes.CDLL | None:
    """The compiled code, None where it is switched off or was not made; decided once in a process."""
    return None if is_off() or not _path().is_file() else opened(_path())


def opened(path: Path) -> ctypes.CDLL:
    """The library in this file, with its functions' types."""
    code = ctypes.CDLL(str(path))
    code.chelu_read.argtypes, code.chelu_read.restype = [ctypes.c_void_p], ctypes.c_int
    pointer, number = ctypes.c_void_p, ctypes.c_int
    code.chelu_receive.argtypes = [pointer, number, ctypes.c_int64, ctypes.POINTER(number)]
    code.chelu_receive.restype = number
    code.chelu_meeting_boxes.argtypes, code.chelu_meeting_boxes.restype = [pointer], ctypes.c_int64
    code.chelu_closest.argtypes = [pointer, pointer, pointer, pointer, ctypes.c_int64, ctypes.c_int64]
    code.chelu_closest.restype = None
    for without_answer in (code.chelu_read_records, code.chelu_meet, code.chelu_align, code.chelu_pass, code.chelu_roll_out):
        without_answer.argtypes, without_answer.restype = [pointer], None
    return code


def state() -> str:
    """Whether native code is in use, and if not, why; for people."""
    if library() is not None:
        return "with native code"
    why = "switched off by CHELU_NATIVE=0" if is_off() else "not made since its source last changed, or there was no C compiler"
    return f"without native code, slower: {why}"


def is_off() -> bool:
    """Whether the environment asks to do without."""
    return os.environ.get("CHELU_NATIVE") == "0"


def _path() -> Path:
    return HERE / library_name()

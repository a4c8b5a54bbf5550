"""Runs as a program of its own between the supervisor and a part: ties the part's life to the supervisor's, then becomes it.

Called as ``python -I -S child.py PARENT SIGNAL UID GID SEARCH COMMAND…``. When the supervisor ends in whatever way, the kernel
sends SIGNAL to the part. UID other than -1 gives up root for that account; SEARCH 1 leaves it root's right to enter directories,
for a data directory below one that only root may enter. A file rather than a ``preexec_fn``, which is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_NO_SETUID_FIXUP = 1 << 2  # keep capabilities over setuid, and let access(2) see them (capabilities(7))
_CAP_DAC_OVERRIDE = 1  # CAP_DAC_READ_SEARCH would do, but containers are not given it
_CAPABILITY_VERSION_3 = 0x20080522


def _call(libc: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _keep_search(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    one = 1 << _CAP_DAC_OVERRIDE
    sets = (ctypes.c_uint32 * 6)(one, one, one, 0, 0, 0)  # effective, permitted, inheritable; low words, then high words
    _call(libc, "capset", header, sets)
    _call(libc, "prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _become(libc: ctypes.CDLL, uid: int, gid: int, *, search: bool) -> None:
    if search:
        _call(libc, "prctl", _PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if search:
        _keep_search(libc)


def main(arguments: list[str]) -> None:
    """Become the command; returns only by ending the process."""
    parent, signal_number, uid, gid, search = map(int, arguments[:5])
    libc = ctypes.CDLL(None, use_errno=True)
    if uid != -1:
        _become(libc, uid, gid, search=bool(search))
    _call(libc, "prctl", _PR_SET_PDEATHSIG, signal_number, 0, 0, 0)  # after setuid, which clears it
    if os.getppid() != parent:  # it died in the meantime, and the signal will never come
        sys.exit(1)
    os.execvp(arguments[5], arguments[5:])  # noqa: S606 - becoming the command is what this file is for


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[6]} cannot be started: {error}")

"""What the operating system lets a process have."""

from __future__ import annotations

import resource

from chelu.errors import CannotStartError

FILES_BESIDE = 64  # that a process has open for other ends


def allow_connections(count: int) -> None:
    """Raise this process's limit of open files for so many connections; CannotStartError when it cannot be raised so far."""
    number = count + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= number or soft == resource.RLIM_INFINITY:
        return
    if hard not in {resource.RLIM_INFINITY} and hard < number:
        raise CannotStartError(f"this process may open {hard} files, not {number}", "raise ulimit -n, or lower max_connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))

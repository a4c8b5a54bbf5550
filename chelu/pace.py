"""Whose clock goes as ours does, however wrong it is: what comes now is told from what waited somewhere and comes late.

A clock that is slow by the same amount all the time makes stamps that are old, and go on second by second as time does. What
waited comes with old stamps, too, but those go on much faster than time does; and of who has fallen silent they do not go on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SPAN_US = 2_000_000  # over which it is judged
GAP_US = 6_000_000  # after which it is judged anew
LEAST, MOST = 0.5, 1.5  # seconds of stamps in a second of ours; who speaks once a second is between these over `SPAN_US`
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


class Pace:
    """Of those whose stamps are old. Owned by one thread; knows those alone that were there within `GAP_US`."""

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, np.uint64)
        self._stamp_us: Ints = np.empty(0, np.int64)
        self._ours_us: Ints = np.empty(0, np.int64)
        self._is_steady: Mask = np.empty(0, np.bool_)

    def __len__(self) -> int:
        return len(self._keys)

    def steady(self, keys: Keys, stamp_us: Ints, ours_us: Ints) -> Mask:
        """Which rows (n,) are of now by a clock that is slow: by whom, stamped when, and come when by ours."""
        if not len(keys):
            return np.empty(0, np.bool_)
        order = np.lexsort((stamp_us, keys))
        newest = order[np.flatnonzero(np.append(keys[order][1:] != keys[order][:-1], True))]
        names, stamps, ours = keys[newest], stamp_us[newest], ours_us[newest]
        is_known, place = self._found(names)
        came, went = ours - self._ours_us[place], stamps - self._stamp_us[place]
        is_anew = ~is_known | (came > GAP_US)
        is_due = is_anew | (came >= SPAN_US)
        is_even = ~is_anew & (went >= LEAST * came) & (went <= MOST * came)
        is_steady = np.where(is_due, is_even, self._is_steady[place])
        rest = ~np.isin(self._keys, names) & (self._ours_us >= ours.max() - GAP_US)
        self._put(
            np.append(names, self._keys[rest]),
            np.append(np.where(is_due, stamps, self._stamp_us[place]), self._stamp_us[rest]),
            np.append(np.where(is_due, ours, self._ours_us[place]), self._ours_us[rest]),
            np.append(is_steady, self._is_steady[rest]),
        )
        answer: Mask = is_steady[np.searchsorted(names, keys)]
        return answer

    def _found(self, names: Keys) -> tuple[Mask, Ints]:
        """Which are known, and where; those that are not, anywhere."""
        if not len(self._keys):
            self._put(names[:1], np.zeros(1, np.int64), np.full(1, np.iinfo(np.int64).min // 2), np.zeros(1, np.bool_))
        place = np.minimum(np.searchsorted(self._keys, names), len(self._keys) - 1)
        return self._keys[place] == names, place

    def _put(self, keys: Keys, stamp_us: Ints, ours_us: Ints, is_steady: Mask) -> None:
        order = np.argsort(keys)
        self._keys, self._stamp_us, self._ours_us = keys[order], stamp_us[order], ours_us[order]
        self._is_steady = is_steady[order]

"""What a platform tells a roadside computer of events and traffic: read as its own are, handed on once, answered each time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from chelu.clock import Clock
from chelu.codec.documents import parse_object
from chelu.codec.roadside import AS_WRITTEN
from chelu.codec.roadside_readers import TOLD
from chelu.codec.tits0180_answers import BAD_PARAMETER, OK, answer
from chelu.codec.tits0180_write import encoded
from chelu.errors import MalformedError
from chelu.messages import frames_of

STREAMS = frozenset(TOLD)
REMEMBERED = 1000  # numbers: a document comes again until it is answered


class Told:
    """hand_on(payload) gives a good document to the computer's own software. Belongs to the agent's thread."""

    def __init__(self, clock: Clock, hand_on: Callable[[bytes], None]) -> None:
        self._clock, self._hand_on = clock, hand_on
        self._known: OrderedDict[tuple[str, object], bytes] = OrderedDict()

    def take(self, stream: str, payload: bytes) -> bytes | None:
        """The answer; None where the document does not ask for one."""
        try:
            document = parse_object(payload)
        except MalformedError as error:
            return encoded(answer({}, BAD_PARAMETER, error.detail))
        name = stream, document.get("seqNum")
        said = self._known.get(name) if isinstance(name[1], int) else None
        if said is None:
            refused = TOLD[stream](frames_of([payload], self._clock.wall_us()), [AS_WRITTEN]).rejects
            said = encoded(answer(document, BAD_PARAMETER if len(refused) else OK, refused.detail[0] if len(refused) else ""))
            if not len(refused):
                self._hand_on(payload)
            self._remember(name, said)
        return said if document.get("ack") is True else None

    def _remember(self, name: tuple[str, object], said: bytes) -> None:
        if isinstance(name[1], int):
            self._known[name] = said
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

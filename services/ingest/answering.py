"""Answers to documents whose senders ask for one (T/ITS 0180.1: ``ack``): told once they are durable, or why they are not.

What is answered is what ``ack`` asks: a document of which every row is stored is answered by 0, and one of which some are refused
by 1 and the first reason. A sender that hears nothing says it again after 2, 4, 8 … s; it is then stored, and answered, again.
"""

from __future__ import annotations

from chelu import topics
from chelu.codec.tits0180_answers import BAD_PARAMETER, OK, answer
from chelu.codec.tits0180_write import encoded
from chelu.topics import Topic
from services.ingest.prepared import Prepared

MOST_WAITING = 10_000  # beyond, the oldest are not given: their senders ask again


class Answering:
    """Owned by the loop's thread."""

    def __init__(self) -> None:
        self._due: list[tuple[str, bytes, int]] = []

    def note(self, prepared: Prepared) -> None:
        """A batch is durable."""
        if not prepared.asked:
            return
        details = {refusal.message: refusal.detail for refusal in reversed(prepared.refusals)}
        for message, document in prepared.asked:
            topic = prepared.messages.topic_of(message)
            if row := _answer_row(topic):
                said = details.get(message, "")
                payload = encoded(answer(document, BAD_PARAMETER if said else OK, said))
                self._due.append((f"{topic}/ack", payload, row.qos))
        del self._due[:-MOST_WAITING]

    def take(self) -> list[tuple[str, bytes, int]]:
        """Topics, payloads and QoS of the answers to be given now."""
        due, self._due = self._due, []
        return due


def _answer_row(topic: str) -> Topic | None:
    found = topics.find(f"{topic}/ack")
    return found.topic if found and not found.topic.from_device else None

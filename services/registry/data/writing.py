"""One file of an export from any byte on: pages are read ahead by a thread, shaped, written, and noted before they are sent."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from chelu.errors import CheluError
from chelu.messages import Stream
from services.registry.data import rows
from services.registry.data.formats import FORMATS, Encoder, Format
from services.registry.data.pages import Place
from services.registry.data.plan import Plan
from services.registry.data.pseudonyms import Pseudonyms
from services.registry.data.reading import Page, Query
from services.registry.data.remembered import Remembered
from services.registry.data.rows import Part
from services.registry.data.shaping import Shaper
from services.registry.database import Register
from services.registry.device_rows import device_ids


class ChangedError(CheluError):
    """Rows of an export that were there when it was begun are there no more: retention dropped them."""

    def __init__(self, number: int, rows_then: int, rows_now: int) -> None:
        self.number, self.rows_then, self.rows_now = number, rows_then, rows_now
        super().__init__(
            f"part {number} had {rows_then} rows and has {rows_now} now: stored rows were dropped since, export them anew"
        )


class BeyondError(CheluError):
    """Bytes are asked for that lie behind a file's end."""

    def __init__(self, offset: int, size: int) -> None:
        self.offset, self.size = offset, size
        super().__init__(f"offset = {offset} is not allowed: 0 … {size}, the file's bytes")


class ForgottenError(CheluError):
    """What was noted of an export's parts is not there any more: somebody has deleted it."""

    def __init__(self, parts: int, found: int) -> None:
        self.parts, self.found = parts, found
        super().__init__(f"{found} of {parts} parts are noted: fetch the file anew from its beginning")


@dataclass(slots=True)
class File:
    """A stream's file; `content` may be asked for once. The generator's thread owns it, but for the page that is read ahead."""

    register: Register
    export_id: int
    stream: Stream
    plan: Plan
    format: Format
    key: bytes
    written: list[Part] = field(default_factory=list)
    at: int = 0  # the byte of the file up to which it was made
    is_complete: bool = False
    _names: dict[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows in it so far."""
        return sum(part.rows for part in self.written)

    @property
    def trimmed(self) -> int:
        """Rows left out of it so far."""
        return sum(part.trimmed for part in self.written)

    def content(self, offset: int) -> Generator[bytes]:
        """The file's bytes from `offset` on, a page at a time.

        ChangedError when it cannot be the file that was begun, BeyondError when it has not so many bytes.
        """
        with self.register.reading() as connection:
            known = rows.parts(connection, self.export_id, self.stream.name)
        encoder = FORMATS[self.format].encoder(self.stream)
        self.written = [part for part in known if part.stop <= offset]
        encoder.resume(self._remembered().each)
        self.at = self.written[-1].stop if self.written else 0
        for piece in self._pieces(encoder, known):
            start, self.at = self.at, self.at + len(piece)
            if self.at > offset:
                yield piece[max(0, offset - start) :]
        if self.at < offset:
            raise BeyondError(offset, self.at)

    def _pieces(self, encoder: Encoder, known: list[Part]) -> Iterator[bytes]:
        """What the file has from `at` on, which `content` moves."""
        head = b"" if self.written else encoder.head()  # sent with the first page, so that what is wrong with it comes first
        shaper = Shaper(self.stream, self.plan, pseudonyms := Pseudonyms(self.key, self.plan.recipient))
        hidden = frozenset(self.plan.hidden)
        for page in self._pages():
            shaped = shaper.shape(page.batch)
            content, remembered = b"", b""
            if len(shaped.batch):
                names = pseudonyms.names({key: self._names.get(key, "") for key in page.keys}, hidden)
                content, remembered = encoder.part(shaped.batch, names, self.at + len(head))
            content, head = head + content, b""
            self._note(Part(len(shaped.batch), shaped.trimmed, self.at + len(content), page.behind), remembered, known)
            yield content
        if head:
            yield head
        yield from encoder.tail(self.at, self._remembered())
        self.is_complete = True

    def _remembered(self) -> Remembered:
        """Of what was written so far: read again from where it was noted, since all of it would fill the memory."""
        parts = sum(part.rows > 0 for part in self.written)
        return Remembered(parts, self.rows, self._each(parts))

    def _each(self, parts: int) -> Iterator[bytes]:
        found = 0
        for one in rows.remembered(self.register, self.export_id, self.stream.name, len(self.written)):
            found += 1
            yield one
        if found != parts:
            raise ForgottenError(parts, found)

    def _note(self, part: Part, remembered: bytes, known: list[Part]) -> None:
        number = len(self.written)
        if number < len(known) and (known[number].rows, known[number].stop) != (part.rows, part.stop):
            raise ChangedError(number, known[number].rows, part.rows)
        self.written.append(part)
        if number >= len(known):
            with self.register.reading() as connection:
                rows.keep(connection, self.export_id, self.stream.name, (number, part), remembered)

    def _pages(self) -> Iterator[Page]:
        """Behind what was written; the next page is read while this one is sent."""
        query = Query(self.stream, self.plan, FORMATS[self.format].rows)
        place = self.written[-1].behind if self.written else Place(self.plan.from_us)
        with ThreadPoolExecutor(1, "export") as pool:
            ahead = pool.submit(self._page, query, place)
            while (page := ahead.result()) is not None:
                ahead = pool.submit(self._page, query, page.behind)
                yield page
                del page  # while the next is waited for

    def _page(self, query: Query, place: Place) -> Page | None:
        with self.register.reading() as connection:
            page = query.page(connection, place)
            if page is not None and (unknown := [key for key in page.keys if key not in self._names]):
                self._names |= device_ids(connection, unknown)
        return page

"""Watching live streams and pictures of a registry: what comes over its WebSocket as rows. Needs websockets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chelu import tls
from chelu.api import PEER, Endpoint
from chelu.codec import columns
from chelu.errors import RefusedError, UnreachableError
from chelu.messages import Batch

OPEN_S = 15.0
LARGEST = 16 << 20
QUEUE = 16  # frames read ahead; beyond that the registry thins what it sends us


class Watch:
    """One socket. Iterate over it: JSON rows and notices as dictionaries, columns as (batch, header). Close it, or use `with`.

    RefusedError when the registry says no, at once or later (the key has ended, say); UnreachableError when it is away.
    """

    def __init__(self, endpoint: Endpoint, path: str, **query: str | Sequence[str]) -> None:
        url, ca_file = tls.without_authority(endpoint.url)
        ca_file = ca_file or endpoint.ca_file
        self._place = url
        self._what = f"GET {path}"
        asked = urlencode(query, doseq=True)
        address = f"ws{url.removeprefix('http').rstrip('/')}{path}{'?' if asked else ''}{asked}"
        context = tls.client_context(ca_file) if address.startswith("wss:") else None
        headers = {"Authorization": f"Bearer {endpoint.key}"}
        try:
            self._socket: ClientConnection = connect(
                address,
                additional_headers=headers,
                ssl=context,
                open_timeout=OPEN_S,
                max_size=LARGEST,
                max_queue=QUEUE,
                compression=None,
                proxy=None,
            )
        except InvalidStatus as error:
            raise self._refusal(error.response.status_code, error.response.body or b"") from None
        except (OSError, InvalidHandshake, TimeoutError) as error:
            host = url.rpartition("://")[2].partition(":")[0]
            raise UnreachableError(PEER, url, tls.explained(error, host, ca_file)) from None

    @classmethod
    def stream(cls, endpoint: Endpoint, stream: str, devices: Sequence[str], *, as_columns: bool = False) -> Self:
        """A stream of some devices."""
        form = "columns" if as_columns else "ndjson"
        return cls(endpoint, f"/api/live/streams/{stream}", device=list(devices), format=form)

    @classmethod
    def picture(cls, endpoint: Endpoint, site_id: str) -> Self:
        """The live picture of a site."""
        return cls.site(endpoint, "picture", site_id)

    @classmethod
    def site(cls, endpoint: Endpoint, what: str, site_id: str) -> Self:
        """The picture, or the alarms, of a site."""
        return cls(endpoint, f"/api/live/sites/{site_id}/{what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def __iter__(self) -> Iterator[dict[str, Any] | tuple[Batch, dict[str, Any]]]:
        try:
            for frame in self._socket:
                if isinstance(frame, str):
                    yield from map(json.loads, frame.splitlines())
                else:
                    yield columns.unpack(frame)
        except ConnectionClosed:
            pass
        code, reason = self._socket.close_code, self._socket.close_reason
        if code and code >= 4000:
            raise RefusedError(PEER, f"{self._what} from now on", reason or f"code {code}")
        if code != 1000:
            raise UnreachableError(PEER, self._place, reason or "the connection broke")

    def _refusal(self, status: int, body: bytes) -> RefusedError | UnreachableError:
        try:
            detail = str(json.loads(body)["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"status {status}"
        return UnreachableError(PEER, self._place, detail) if status == 503 else RefusedError(PEER, self._what, detail)

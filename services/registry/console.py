"""The console's files, served beside the API: the page at `/`, and what it loads below `/assets`.

Files are read when they are asked for and kept, packed with gzip, until they change on the disk: a page that is built anew while
the registry runs is the one that is served. Whoever builds it gives every file but the page its content's hash in the name.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.packed import accepts_gzip
from services.registry.problems import not_found

INDEX = "index.html"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,120}")
# Nothing from elsewhere: scripts, styles, pictures and calls are the registry's own; data: and blob: the page makes itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
FOR_EVER = "public, max-age=31536000, immutable"
PACKED = re.compile(r"text/|application/(?:javascript|json|wasm)|image/svg")


def usual_directory() -> Path | None:
    """Where the built page is: in the installed package, or in the checkout that this runs from; None: it was not built."""
    for place in (Path(__file__).parent / "page", Path(__file__).parents[2] / "console" / "dist"):
        if (place / INDEX).is_file():
            return place
    return None


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent; packed: with gzip, None where that is not worth it. tag: its ETag."""

    content: bytes
    packed: bytes | None
    media_type: str
    tag: str


class Files:
    """The files of one directory. Any thread may ask."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int], File]] = {}

    def find(self, name: str) -> File | None:
        """A file by its name below the directory, such as ``assets/page-1a2b.js``."""
        if not all(NAME.fullmatch(part) for part in name.split("/")):
            return None
        path = self._directory / name
        try:
            state = path.stat()
            stamp = state.st_mtime_ns, state.st_size
            with self._lock:
                known = self._known.get(name)
                if known is None or known[0] != stamp:
                    known = self._known[name] = stamp, _read(path, stamp)
        except OSError:
            return None
        return known[1]


def _read(path: Path, stamp: tuple[int, int]) -> File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, 9, mtime=0) if PACKED.match(media_type) else None
    return File(content, packed, media_type, f'"{stamp[0]:x}-{stamp[1]:x}"')


def install(app: FastAPI, directory: Path | None) -> None:
    """Serve the page at `/`; without one, `/` leads to the API's documents."""
    if directory is None:
        app.add_route("/", _documents, include_in_schema=False)
        return
    files = Files(directory)

    async def page(request: Request) -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return await _send(request, files, INDEX, headers)

    async def asset(request: Request) -> Response:
        return await _send(request, files, f"assets/{request.path_params['name']}", {"Cache-Control": FOR_EVER})

    async def icon(request: Request) -> Response:
        return await _send(request, files, "icon.svg", {"Cache-Control": "public, max-age=3600"})

    for path, handler in (("/", page), ("/assets/{name}", asset), ("/icon.svg", icon)):
        app.add_route(path, handler, include_in_schema=False)


async def _documents(_: Request) -> Response:
    return RedirectResponse("/docs")


async def _send(request: Request, files: Files, name: str, headers: dict[str, str]) -> Response:
    file = await run_in_threadpool(files.find, name)
    if file is None:
        raise not_found("file", name)
    headers = {**headers, **SAFETY, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if file.packed is not None and accepts_gzip(request):
        return Response(file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.content, media_type=file.media_type, headers=headers)

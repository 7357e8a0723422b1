"""Fetch one published file: checked against its MD5, and either whole in its place or not there at all."""

import hashlib
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

from bcdl.data.progress import BYTES, progress
from bcdl.errors import UserError

_CHUNK = 1 << 18  # bytes
_TIMEOUT = 30.0  # seconds without an answer


def download(url: str, path: Path, md5: str) -> None:
    """Fetch `url` to `path`, showing progress.

    Args:
        url: Address of the file.
        path: Where it goes; its folder is made.
        md5: Expected MD5 in hexadecimal.

    Raises:
        UserError: The server, the network or the folder refuses, or the content is not what was expected;
            `path` is then as it was.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            found = _fetch(url, file, path.name)
        _check(found, md5, url)
        part.replace(path)
    except (OSError, HTTPException, ValueError) as error:
        raise UserError(_refusal(error, url, path)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def file_md5(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _fetch(url: str, file: BinaryIO, name: str) -> str:
    """Copy the content to `file` and return its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    response: HTTPResponse
    with urlopen(url, timeout=_TIMEOUT) as response:
        length = response.headers.get("Content-Length")
        with progress(f"download {name}", int(length) if length else None, BYTES) as advance:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                advance(len(chunk))
    return digest.hexdigest()


def _check(found: str, expected: str, url: str) -> None:
    if found != expected:
        raise UserError(
            f"{url}: expected a file of MD5 {expected}, found {found}; nothing was kept. "
            "The download was cut short or the address serves something else: try again, or fetch it by hand"
        )


def _refusal(error: Exception, url: str, path: Path) -> str:
    """Word what went wrong and what to do."""
    by_hand = f"fetch it by hand and put it at {path}"
    if isinstance(error, HTTPError):
        found = f"HTTP {error.code} ({error.reason})"
        return f"{url}: expected the file, found {found}; check the address, or {by_hand}"
    if isinstance(error, URLError | HTTPException | TimeoutError | ConnectionError | ValueError):
        reason = getattr(error, "reason", error)
        return f"{url}: cannot be reached ({reason}); check the network, or {by_hand}"
    return f"cannot write {path} ({error}); choose another data.root, or {by_hand}"

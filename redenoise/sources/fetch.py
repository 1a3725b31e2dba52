"""HTTP: resumed, bounded downloads; what a host that can be reached fails at for a while is tried again."""

import http.client
import random
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from redenoise.sources.reach import unreachable
from redenoise.support.errors import Unavailable, UserError, full_disk_explained

ATTEMPTS = 5
BACKOFF_SECONDS = 1.0  # before the second attempt; doubled before each further one, with jitter
BACKOFF_MAX_SECONDS = 30.0
TIMEOUT_SECONDS = 30.0  # without a byte
_BLOCK = 1 << 16
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}
_NETWORK_ERRORS = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)
_HEADERS = {"User-Agent": "redenoise-download", "Accept-Encoding": "identity"}


class _Again(Exception):
    """An attempt that failed in a way that another one may mend."""


def fetched(
    url: str, target: Path, limit: int, problem: Callable[[Path], str | None], stop: threading.Event | None = None,
    size: int | None = None,
) -> Path:  # fmt: skip
    """Download the file that is to become `target`; returns its sound neighbour, see `part_path`, to be put in place.

    A partial download from an earlier run is taken up where it ended. If the bytes are not those expected, they are
    fetched once more from the start, since the partial one may have been stale.

    Args:
        problem: what keeps a downloaded file from being the one that is wanted, None if nothing does.
        limit, stop, size: see `download`.

    Raises:
        Unavailable: the origin cannot be reached, or does not have the file.
        UserError: the origin's file is another, or the disk is full; nothing is left in place.
    """
    part, found = part_path(target), None
    for _ in range(2):
        download(url, part, limit, stop or threading.Event(), size)
        found = problem(part)
        if found is None:
            return part
        part.unlink()
    raise UserError(f"{url}: {found}; nothing was kept; take the file from another source, in a REDENOISE_MIRROR")


def part_path(target: Path) -> Path:
    """Where the bytes of an unfinished download wait to be resumed."""
    return target.with_name(f".{target.name}.part")


def download(url: str, part: Path, limit: int, stop: threading.Event, size: int | None = None) -> None:
    """Download `url` into `part`, going on after the bytes that are already there.

    Args:
        limit: most bytes to accept.
        stop: set by another thread to end the work soon.
        size: the file's size if it is known; a `part` of that size is complete and nothing is asked for.

    Raises:
        Unavailable: the host cannot be reached, still not complete after `ATTEMPTS` attempts, or the origin does not
            have it. `part` stays.
        UserError: more than `limit` bytes, or the disk is full; `part` is removed.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    cause = "stopped"
    for attempt in range(ATTEMPTS):
        if attempt and stop.wait(_delay(attempt)) or stop.is_set():
            break
        if size is not None and part.exists() and part.stat().st_size >= size:
            return
        if cause := unreachable(url):
            break
        try:
            _attempt(url, part, limit, stop)
            return
        except _Again as error:
            cause = str(error)
        except urllib.error.HTTPError as error:
            cause = f"HTTP {error.code} {error.reason}"
            if error.code not in _TRANSIENT_STATUS:
                break
        except _NETWORK_ERRORS as error:
            cause = str(getattr(error, "reason", None) or error) or type(error).__name__
    advice = "connect to the network and start again, or point REDENOISE_MIRROR to a folder that has the file"
    raise Unavailable(f"{url}: cannot be fetched ({cause}); {advice}")


def _delay(attempt: int) -> float:
    """Seconds before attempt number `attempt` (from 1): exponential, jittered so that many clients do not march."""
    return min(BACKOFF_MAX_SECONDS, BACKOFF_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def _attempt(url: str, part: Path, limit: int, stop: threading.Event) -> None:
    """One request for what is missing of `part`."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers=_HEADERS | ({"Range": f"bytes={have}-"} if have else {}))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            _receive(response, part, have, limit, stop)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # Nothing lies beyond our bytes: either they are the whole file, or they are not a beginning of it.
        if not re.fullmatch(rf"bytes \*/0*{have}", error.headers.get("Content-Range", "")):
            part.unlink()
            raise _Again("the partial download was longer than the file") from None


def _receive(response: http.client.HTTPResponse, part: Path, have: int, limit: int, stop: threading.Event) -> None:
    """Write a response's body behind the first `have` bytes of `part`."""
    resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    if have and not resumed:
        have = 0  # The origin does not resume: it sends the file from the start.
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdecimal() else None
    if total is not None and total > limit:
        _refuse(response.url, part, limit)
    try:
        with full_disk_explained(part), part.open("ab" if have else "wb") as stream:
            have += _copy(response, stream, limit - have, stop)
    except UserError:
        part.unlink(missing_ok=True)
        raise
    if have > limit:
        _refuse(response.url, part, limit)
    if total is not None and have < total:
        raise _Again(f"cut off after {have} of {total} bytes")


def _copy(response: http.client.HTTPResponse, stream: IO[bytes], limit: int, stop: threading.Event) -> int:
    """Copy the body, at most one byte more than `limit`; returns the number of bytes."""
    size = 0
    while size <= limit and (block := response.read(min(_BLOCK, limit + 1 - size))):
        size += stream.write(block)
        if stop.is_set():
            raise _Again("stopped")
    return size


def _refuse(url: str, part: Path, limit: int) -> None:
    part.unlink(missing_ok=True)
    raise UserError(f"{url}: more than {limit} bytes, which is not the listed file; nothing was kept; use a mirror")

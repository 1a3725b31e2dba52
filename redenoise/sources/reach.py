"""Whether a host can be reached at all: asked once a process and briefly, before anything is fetched from it."""

import socket
from functools import cache
from threading import Lock, Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SECONDS = 10.0  # for the name and the connection together: a resolver without a network knows no end of its own
_PORTS = {"http": 80, "https": 443}
_ASKING = Lock()  # files are fetched several at once


def unreachable(url: str) -> str:
    """Why there is no connection to the host of an address, or to the proxy that is set for it; empty if there is."""
    target = urlsplit(url)
    if (proxy := getproxies().get(target.scheme)) and not proxy_bypass(target.hostname or ""):
        target = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    host, port = target.hostname or "", target.port or _PORTS.get(target.scheme, 80)
    with _ASKING:
        why = _why(host, port)
    return f"no connection to {host}: {why}" if why else ""


@cache
def _why(host: str, port: int) -> str:
    found = [f"no answer within {SECONDS:g} seconds"]

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=SECONDS).close()
            found[0] = ""
        except OSError as error:
            found[0] = error.strerror or str(error)

    thread = Thread(target=connect, daemon=True)  # one that still waits does not keep the process from its end
    thread.start()
    thread.join(SECONDS)
    return found[0]

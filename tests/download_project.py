"""A small project for the tests of the stage `download`: manifests, a mirror, and an origin on this machine."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from redenoise.dag import provenance
from redenoise.dag.config import Config
from redenoise.data.png import png_bytes
from tests.conftest import ROOT

BENCH = {"real_data": True, "published_weights": True, "images": None}
NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port


def picture(seed: int, height: int = 20, width: int = 30) -> bytes:
    """A small PNG file."""
    return png_bytes(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def make_config(settings: dict | None = None, **params: object) -> Config:
    """A configuration with one data set `set` and one entry of weights `net`, both from the store `shop`."""
    downloads = {
        "set": {"title": "Set", "kind": "images", "store": "shop", "channels": 3, "role": "test"},
        "net": {"title": "Net", "kind": "weights", "store": "shop"},
    }
    defaults = {"scale": "bench", "unavailable": "fail", "downloads": downloads}
    return Config("bench", defaults | params, settings or BENCH)


def make_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder the working directory and the root of the project, whose code is that of this one."""
    monkeypatch.chdir(folder)
    for name in ("redenoise", "stages"):
        (folder / name).symlink_to(ROOT / name)
    monkeypatch.setattr(provenance, "ROOT", folder)


def write_manifests(root: Path, files: dict[str, bytes], url: str, archive: bool = False) -> None:
    """Manifests of a store `shop` (paths below it are the keys of `files`); `set` is all .png, `net` all .mat."""
    folder = root / "workflow/manifests"
    (folder / "subsets").mkdir(parents=True, exist_ok=True)
    more = "  archive: shop/all.tgz\n  packed_max: 100000\n  unpacked_max: 200000\n" if archive else ""
    address = url if archive else f"{url}/{{path}}"
    (folder / "stores.yaml").write_text(f"shop:\n  title: Shop\n  licence: free\n  url: {address}\n{more}")
    lines = [f"shop/{path},{len(data)},{hashlib.sha256(data).hexdigest()}" for path, data in files.items()]
    (folder / "shop.csv").write_text("\n".join(["path,bytes,sha256", *lines]) + "\n")
    for key, suffix in (("set", ".png"), ("net", ".mat")):
        rows = [f"{Path(path).stem},shop/{path},test" for path in files if path.endswith(suffix)]
        (folder / f"subsets/{key}.csv").write_text("\n".join(["id,path,split", *rows]) + "\n")


def write_mirror(root: Path, files: dict[str, bytes]) -> Path:
    """A mirror folder with the files of the store `shop`."""
    for path, data in files.items():
        target = root / "shop" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root


def visible(folder: str) -> list[str]:
    """Names of all files below a folder but hidden ones and locks."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path.name for path in files if not path.name.startswith(".") and path.suffix != ".lock")


def tar_gz(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    """A .tar.gz in memory, see `tar_bytes`."""
    return tar_bytes(members, "w:gz")


def tar_bytes(members: dict[str, bytes | tarfile.TarInfo], mode: str = "w") -> bytes:
    """A tar archive in memory; a `TarInfo` stands for a member without contents (a link, a folder)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Origin:
    """An HTTP server with faults to order.

    Attributes:
        files: bodies by path.
        faults: faults by path, used up one per request: a status code, or ("cut", n) to end after n bytes.
        requests: (path, Range header) of every request so far.
        ranges: whether Range headers are honoured.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = {f"/{path}": data for path, data in files.items()}
        self.faults: dict[str, list] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one GET."""
        path, wanted = handler.path, handler.headers.get("Range")
        self.requests.append((path, wanted))
        faults = self.faults.get(f"{path.lstrip('/')}", [])
        fault = faults.pop(0) if faults else None
        data = self.files.get(path)
        if data is None or isinstance(fault, int):
            handler.send_error(404 if data is None else fault)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start and start >= len(data):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(data)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        end = start + fault[1] if fault else len(data)
        handler.wfile.write(data[start:end])


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Origin]:
    """Serve files on 127.0.0.1 while the block runs."""
    origin = Origin(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            origin.answer(self)

        def log_message(self, *args: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield origin
        finally:
            server.shutdown()
            thread.join()

"""Downloads over HTTP: resume, retry, and every way in which an origin can fail. The server runs on this machine."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from redenoise.sources import fetch, reach, stores
from redenoise.sources.provide import provide as provide_files
from redenoise.support.errors import Unavailable, UserError
from stages.download import node
from tests.download_project import NOWHERE, make_config, make_root, picture, serving, tar_gz, write_manifests

FILES = {f"a/{n}.png": picture(n) for n in range(8)}
ONE = {"a/0.png": FILES["a/0.png"]}


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """An empty project as working directory, no mirror, no waiting."""
    make_root(tmp_path, monkeypatch)
    monkeypatch.delenv("REDENOISE_MIRROR", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetch, "BACKOFF_SECONDS", 0.001)


def provide() -> int:
    return provide_files(stores.load_store("shop"), list(stores.load_manifest("shop").values()))


def leftovers() -> list[str]:
    """Names of all files below data/ but the locks."""
    return sorted(path.name for path in Path("data").rglob("*") if path.is_file() and path.suffix != ".lock")


def test_fetches_every_file_once_and_then_none(tmp_path):
    with serving(FILES) as origin:
        write_manifests(tmp_path, FILES, origin.url)
        assert provide() == len(FILES)
        assert provide() == 0
        assert len(origin.requests) == len(FILES)
    assert {path: Path("data/shop", path).read_bytes() for path in FILES} == FILES


def test_names_with_special_characters_are_quoted(tmp_path):
    files = {"model/sigma=15 #1.mat": b"weights"}
    with serving({"model/sigma=15%20%231.mat": b"weights"}) as origin:
        write_manifests(tmp_path, files, origin.url)
        assert provide() == 1


def test_resumes_after_a_cut_connection(tmp_path):
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        origin.faults["a/0.png"] = [("cut", 700), ("cut", 300)]
        assert provide() == 1
        assert [wanted for _, wanted in origin.requests] == [None, "bytes=700-", "bytes=1000-"]


def test_resumes_what_an_earlier_run_left(tmp_path):
    data = ONE["a/0.png"]
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        part = Path("data/shop/a/.0.png.part")
        part.parent.mkdir(parents=True)
        part.write_bytes(data[:500])
        assert provide() == 1
        assert origin.requests == [("/a/0.png", "bytes=500-")]
    assert leftovers() == ["0.png"]


@pytest.mark.parametrize("stale", [b"x" * 500, b"x" * 5000], ids=["other bytes", "longer than the file"])
def test_a_stale_partial_download_is_thrown_away(tmp_path, stale):
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        part = Path("data/shop/a/.0.png.part")
        part.parent.mkdir(parents=True)
        part.write_bytes(stale)
        assert provide() == 1
        assert origin.requests[-1] == ("/a/0.png", None)
    assert leftovers() == ["0.png"]


def test_an_origin_that_does_not_resume_is_read_from_the_start(tmp_path):
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        origin.ranges = False
        origin.faults["a/0.png"] = [("cut", 700)]
        assert provide() == 1


def test_transient_errors_are_tried_again(tmp_path):
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        origin.faults["a/0.png"] = [503, 429, 500]
        assert provide() == 1


def test_an_origin_that_stays_broken_is_given_up(tmp_path):
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        origin.faults["a/0.png"] = [503] * 50
        with pytest.raises(Unavailable, match="0.png: cannot be fetched .HTTP 503"):
            provide()
        assert len(origin.requests) == fetch.ATTEMPTS


def test_a_missing_file_is_not_asked_for_again(tmp_path):
    with serving({}) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        with pytest.raises(Unavailable, match="HTTP 404.*REDENOISE_MIRROR"):
            provide()
        assert len(origin.requests) == 1


def test_waits_grow_and_stay_bounded(monkeypatch):
    monkeypatch.setattr(fetch, "BACKOFF_SECONDS", 1.0)
    for attempt in range(1, 12):
        assert min(30, 2 ** (attempt - 1)) / 2 <= fetch._delay(attempt) <= min(30, 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (picture(99), "wrong hash, SHA-256 [0-9a-f]{64}, expected"),
        (ONE["a/0.png"][:-9], "truncated, 18.. bytes of 18.."),
        (ONE["a/0.png"] + b"!", "more than 18.. bytes"),
        (b"<html>Log in to the hotel's network</html>", "not an image"),
    ],
    ids=["wrong hash", "truncated", "too long", "not an image"],
)
def test_a_file_that_differs_is_refused_and_leaves_nothing(tmp_path, body, found):
    with serving({"a/0.png": body}) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        with pytest.raises(UserError, match=found) as caught:
            provide()
    assert not isinstance(caught.value, Unavailable)
    assert "\n" not in str(caught.value)
    assert leftovers() == []


def test_the_first_failure_ends_the_others(tmp_path):
    with serving(FILES | {"a/3.png": picture(99)}) as origin:
        write_manifests(tmp_path, FILES, origin.url)
        with pytest.raises(UserError, match="a/3.png: wrong hash"):
            provide()


def test_no_network(tmp_path):
    write_manifests(tmp_path, ONE, NOWHERE)
    with pytest.raises(Unavailable, match="cannot be fetched .*refused.*; connect to the network"):
        node.run(make_config(), "set")
    assert not Path("build/bench/data/set").exists()


@pytest.fixture
def asked(monkeypatch) -> Iterator[list[str]]:
    """Hosts to which a connection was tried, none of which answers within the time there is."""
    hosts: list[str] = []

    def hang(address: tuple[str, int], timeout: float) -> NoReturn:
        hosts.append(address[0])
        time.sleep(1)
        raise TimeoutError

    monkeypatch.setattr(reach, "SECONDS", 0.05)
    monkeypatch.setattr(socket, "create_connection", hang)
    yield hosts
    reach._why.cache_clear()


def test_a_host_that_does_not_answer_is_asked_once_for_all_files_and_never_waited_for(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(fetch, "BACKOFF_SECONDS", 100.0)
    write_manifests(tmp_path, FILES, "http://nowhere.invalid")
    start = time.monotonic()
    with pytest.raises(
        Unavailable, match=r"no connection to nowhere.invalid: no answer within 0.05 seconds\); connect"
    ):
        provide()
    assert asked == ["nowhere.invalid"]
    assert time.monotonic() - start < 10


def test_behind_a_proxy_it_is_the_proxy_that_must_answer(monkeypatch, asked):
    monkeypatch.setenv("http_proxy", "proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "near.invalid")
    assert reach.unreachable("http://far.invalid/x").startswith("no connection to proxy.invalid: ")
    assert reach.unreachable("http://near.invalid/x").startswith("no connection to near.invalid: ")
    assert asked == ["proxy.invalid", "near.invalid"]


def test_no_network_is_skipped_when_asked(tmp_path, capsys):
    write_manifests(tmp_path, ONE, NOWHERE)
    node.run(make_config(unavailable="skip"), "set")
    folder = Path("build/bench/data/set")
    assert (folder / "index.csv").read_text() == "id,path,height,width,split,label,sha256\n"
    assert (folder / "unavailable.txt").read_text() == (
        f"Shop: not in REDENOISE_MIRROR and not to be had from {NOWHERE}/{{path}}\n"
    )
    assert "warning: download set: skipped" in capsys.readouterr().err


def test_a_wrong_file_is_never_skipped(tmp_path):
    with serving({"a/0.png": picture(99)}) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        with pytest.raises(UserError, match="wrong hash"):
            node.run(make_config(unavailable="skip"), "set")


def test_disk_full_during_a_download(tmp_path, monkeypatch):
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "_copy", full)
    with serving(ONE) as origin:
        write_manifests(tmp_path, ONE, origin.url)
        with pytest.raises(UserError, match="no room on disk"):
            provide()
    assert leftovers() == []


def test_a_stopped_download_keeps_its_bytes(tmp_path):
    stop = threading.Event()
    stop.set()
    with serving(ONE) as origin, pytest.raises(Unavailable, match="stopped"):
        fetch.download(f"{origin.url}/a/0.png", tmp_path / "part", 5000, stop)
    assert origin.requests == []


def test_an_archive_is_resumed_unpacked_and_removed(tmp_path):
    packed = tar_gz({path: data for path, data in FILES.items()} | {"a/notes.txt": b"not listed"})
    with serving({"all.tgz": packed}) as origin:
        write_manifests(tmp_path, FILES, f"{origin.url}/all.tgz", archive=True)
        origin.faults["all.tgz"] = [("cut", 3000)]
        assert provide() == len(FILES)
        assert provide() == 0
        assert [wanted for _, wanted in origin.requests] == [None, "bytes=3000-"]
    assert leftovers() == [f"{n}.png" for n in range(8)]


def test_an_archive_that_an_interrupted_run_fetched_is_used(tmp_path):
    packed = tar_gz(dict(FILES))
    part = Path("data/shop/.all.tgz.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(packed)
    with serving({"all.tgz": packed}) as origin:
        write_manifests(tmp_path, FILES, f"{origin.url}/all.tgz", archive=True)
        assert provide() == len(FILES)
        assert origin.requests == [("/all.tgz", f"bytes={len(packed)}-")]
    assert not part.exists()


def test_a_broken_archive_is_not_kept(tmp_path):
    with serving({"all.tgz": tar_gz(dict(FILES))[:-4000]}) as origin:
        write_manifests(tmp_path, FILES, f"{origin.url}/all.tgz", archive=True)
        with pytest.raises(UserError, match="/all.tgz: not the official archive"):
            provide()
    assert not Path("data/shop/.all.tgz.part").exists()


def test_an_archive_has_a_bound(tmp_path):
    with serving({"all.tgz": b"x" * 100_001}) as origin:
        write_manifests(tmp_path, FILES, f"{origin.url}/all.tgz", archive=True)
        with pytest.raises(UserError, match="more than 100000 bytes"):
            provide()
    assert leftovers() == []

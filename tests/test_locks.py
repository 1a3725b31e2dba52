"""Locks between processes: one at a time, nothing left behind, and no lock survives its holder."""

import errno
import fcntl
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from redenoise.support.files import atomic_open
from redenoise.support.locks import exclusive, exclusive_all, sweep

CONTEXT = multiprocessing.get_context("fork")


def _append(lock: Path, log: Path, name: str) -> None:
    for _ in range(20):
        with exclusive(lock, "work"):
            before = log.read_text()
            time.sleep(0.001)
            log.write_text(f"{before}{name}")


def test_no_two_processes_are_inside_at_once(tmp_path):
    lock, log = tmp_path / "a.lock", tmp_path / "log"
    log.write_text("")
    processes = [CONTEXT.Process(target=_append, args=(lock, log, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(log.read_text()) == sorted("abc" * 20)
    assert not lock.exists()


def _hold(lock: Path, temporary: Path, ready: object) -> None:
    with exclusive(lock, "holder"), atomic_open(temporary) as stream:
        stream.write(b"half")
        ready.set()
        time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    """A process that holds tmp_path/.locks/a.lock and writes tmp_path/file."""
    ready = CONTEXT.Event()
    process = CONTEXT.Process(target=_hold, args=(tmp_path / ".locks/a.lock", tmp_path / "file", ready))
    process.start()
    assert ready.wait(10)
    yield process
    process.kill()
    process.join()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[1] for path in folder.rglob("*") if path.suffix in (".part", ".lock"))


def test_what_is_in_use_is_not_swept(tmp_path, holder):
    before = hidden(tmp_path)
    sweep(tmp_path)
    assert hidden(tmp_path) == before
    assert len(before) == 2


def test_what_a_killed_process_left_is_swept_and_holds_nobody_up(tmp_path, holder, capsys):
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with exclusive(tmp_path / ".locks/a.lock", "work"):
        pass
    assert "waiting" not in capsys.readouterr().err
    assert not (tmp_path / ".locks/a.lock").exists()
    (tmp_path / ".locks/b.lock").touch()
    sweep(tmp_path)
    assert hidden(tmp_path) == []
    assert not (tmp_path / "file").exists()


def test_the_lock_goes_with_an_error_too(tmp_path):
    with (
        pytest.raises(ValueError, match="work"),
        exclusive_all([(tmp_path / "a.lock", "a"), (tmp_path / "b.lock", "b")]),
    ):
        assert hidden(tmp_path) == ["lock", "lock"]
        raise ValueError("work")
    assert hidden(tmp_path) == []


def test_a_file_system_without_locks(tmp_path, monkeypatch, capsys):
    def none(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with exclusive(tmp_path / "a.lock", "work"), atomic_open(tmp_path / "file") as stream:
        stream.write(b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert "a.lock: no locks on this file system" in capsys.readouterr().err
    (tmp_path / ".file.abc.part").touch()  # in use or not, nobody can tell
    sweep(tmp_path)
    assert (tmp_path / ".file.abc.part").exists()

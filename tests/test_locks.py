"""Locks between processes: one at a time, nothing left behind, and no lock survives its holder."""

import errno
import fcntl
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from redenoise.support.files import atomic_open
from redenoise.support.locks import beside, exclusive, exclusive_all, sweep

CONTEXT = multiprocessing.get_context("fork")
NOBODY = 65534


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


def as_nobody(work: Callable[[], None]) -> None:
    """Run something as a user who may write to nothing of what this one has made."""

    def run() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    process = CONTEXT.Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == 0


def take(lock: Path, written: Path) -> None:
    """Go into a block that is locked, with what is said on the way in a file."""
    with written.open("w") as stream, redirect_stderr(stream), exclusive(lock, "work"):
        stream.write("inside\n")


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that another user may look into."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        (Path(name) / "said").touch()
        (Path(name) / "said").chmod(0o666)
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("mode", "said"), [(0o644, ""), (0o600, "Permission denied, it belongs to root")])
def test_a_lock_that_another_user_left_stops_nobody(open_folder, mode, said):
    lock = open_folder / ".locks/a.lock"
    lock.parent.mkdir()
    lock.touch()
    lock.chmod(mode)
    as_nobody(lambda: take(lock, open_folder / "said"))
    *warnings, last = (open_folder / "said").read_text().splitlines()
    assert last == "inside"
    assert warnings == ([f"warning: {lock}: {said}; going on without a lock"] if said else [])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_lock_that_another_user_holds_is_waited_for(open_folder):
    lock, said = open_folder / ".locks/a.lock", open_folder / "said"

    def hold() -> None:
        with exclusive(lock, "holder"):
            started.set()
            time.sleep(0.3)

    started = CONTEXT.Event()
    holder = CONTEXT.Process(target=hold)
    holder.start()
    assert started.wait(10)
    as_nobody(lambda: take(lock, said))
    holder.join()
    first, *_, last = said.read_text().splitlines()  # between them: the holder's folder takes no new lock
    assert (first, last) == ("work: another process is at work on it; waiting", "inside")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_where_nothing_can_be_written_the_block_is_entered(tmp_path, monkeypatch, capsys, code):
    def refuse(*args: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with exclusive(tmp_path / "data/.locks/a.lock", "work"):
        monkeypatch.undo()
    assert "going on without a lock" in capsys.readouterr().err


def test_the_lock_beside_a_folder_goes_too_and_is_swept(tmp_path, holder):
    with exclusive(beside(tmp_path / "site"), "site"):
        assert (tmp_path / ".site.lock").exists()
    assert not (tmp_path / ".site.lock").exists()
    (tmp_path / ".site.lock").touch()
    sweep(tmp_path)
    assert not (tmp_path / ".site.lock").exists()


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

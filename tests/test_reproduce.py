"""The door: what it announces, how it follows a run, and how it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redenoise.commands import reproduce
from redenoise.dag import graph
from redenoise.dag.config import load_config
from redenoise.sources.stores import load_items, load_store


def test_every_node_waits_at_first_and_one_with_a_record_of_now_does_not(project: Path):
    config = load_config("demo")
    nodes = {Path(node.record) for node in graph.load(config).nodes}
    assert set(reproduce.expected(config)) == nodes
    assert all(seconds >= 0 for seconds in reproduce.expected(config).values())


def test_what_is_to_be_fetched_is_announced_before(project: Path):
    config = load_config("bench")
    listed = {item.file for item in load_items("kodak", load_store("kodak"))}
    before = reproduce.missing_bytes(config)
    assert before > sum(file.bytes for file in listed)
    first = min(listed, key=lambda file: file.path)
    first.target.parent.mkdir(parents=True)
    first.target.write_bytes(bytes(first.bytes))  # damaged, and so not missing
    assert reproduce.missing_bytes(config) == before - first.bytes
    assert f"{reproduce.missing_bytes(config) / 1e6:.0f} MB" in reproduce.announced(config, {Path("a"): 1.0})


def script(*lines: str) -> list[str]:
    """The command of a program."""
    return [sys.executable, "-c", "\n".join(("import pathlib, sys, time", *lines))]


def test_a_run_is_followed_by_the_records_that_it_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reproduce, "LOOKS", 0.05)
    records = [tmp_path / f"{name}.json" for name in "ab"]
    old = tmp_path / "old.json"
    old.write_text("{}")
    os.utime(old, (1, 1))
    lines = [f"pathlib.Path({str(path)!r}).write_text('{{}}'); time.sleep(0.3)" for path in records]
    log = tmp_path / "logs" / "log"
    waiting = {**dict.fromkeys(records, 30.0), old: 60.0}
    assert reproduce.followed(script("print('said')", *lines, "sys.exit(3)"), log, waiting, "reproduce x") == 3
    assert log.read_text() == "said\n"
    process = subprocess.Popen(script("pass"))
    process.wait()
    assert set(reproduce._finished(waiting, process, time.time() - 60)) == set(records)


def test_a_run_that_fails_shows_the_end_of_its_log(project: Path, capsys: pytest.CaptureFixture):
    Path("Snakefile").write_text("rule all:\n    default_target: True\n    shell: 'echo broken >&2; exit 1'\n")
    with pytest.raises(SystemExit) as ended:
        reproduce.main(["--scale", "demo", "--cores", "1"])
    out, error = capsys.readouterr()
    assert ended.value.code == 1 and out.startswith("scale demo: ")
    assert "build/demo/logs/snakemake.log: Snakemake ended with 1" in error and "Traceback" not in error

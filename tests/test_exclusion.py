"""What commands write under one name is written by one process at a time."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from redenoise.commands import prior, release
from redenoise.commands.benchmark import machine
from redenoise.commands.latex import command as latex
from redenoise.commands.opinion import command as opinion
from redenoise.commands.plan import command as plan
from redenoise.commands.site import build as site
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.support.locks import exclusive
from tests.conftest import ROOT


class Inside:
    """Stands for work; `together` is the most that were at it at once."""

    def __init__(self) -> None:
        self.now = self.together = 0

    def __call__(self, *arguments: object, **options: object) -> tuple[str]:
        self.now += 1
        self.together = max(self.together, self.now)
        time.sleep(0.05)
        self.now -= 1
        return ("made",)


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Run all together; returns what they raised."""
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inside:
    """An empty project in which the work of all commands is replaced."""
    monkeypatch.chdir(ROOT)
    config, found = load_config("demo"), Inside()
    monkeypatch.chdir(tmp_path)
    for module in (site, latex, opinion, plan):
        monkeypatch.setattr(module, "load_config", lambda scale: config)
    monkeypatch.setattr(plan, "Scatter", lambda config: SimpleNamespace(count=None))
    monkeypatch.setattr(plan.graph, "load", lambda config: SimpleNamespace(nodes=[]))
    for module, name in (
        (site, "_make"), (latex.document, "write"), (opinion.report, "write"), (plan.costs, "record"),
        (release, "put"), (prior, "_released"), (machine, "write_json"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, found)
    monkeypatch.setattr(release, "store", lambda *given: (Path(), {}))
    return found


COMMANDS = {
    "site": lambda: site.main([]),
    "latex": lambda: latex.main([]),
    "ratings": lambda: opinion.main(["collect"]),
    "costs": lambda: plan.record_costs(None),
    "release": lambda: release.release(site.load_config(None), "dncnn_s", "sigma25"),
    "prior": lambda: prior.release(None, {}, "epll-model"),
    "benchmark": lambda: machine.store(Path("reports/benchmark/a.md"), {}, ""),
}


@pytest.mark.parametrize(
    ("first", "second"), [*((name, name) for name in COMMANDS), ("site", "latex"), ("release", "prior")]
)
def test_two_commands_do_not_write_one_name_at_once(inside, first, second):
    assert at_once(COMMANDS[first], COMMANDS[second], COMMANDS[first]) == []
    assert inside.together == 1
    assert list(Path().rglob("*.lock")) == []


def test_pages_wait_for_the_report_that_they_are_made_from(inside):
    with exclusive(*paths.pages_lock("demo")):
        thread = threading.Thread(target=site.main, args=([],))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and inside.together == 0
    thread.join()
    assert inside.together == 1

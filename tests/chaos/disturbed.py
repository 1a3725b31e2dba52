"""One run of Snakemake that is killed several times and started again until it ends."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import tricks
from tests.checkouts import ENVIRONMENT, processes

OUTPUT = "chaos.txt"  # of all attempts of one run, in its checkout
LOOK_SECONDS = 0.05
ORPHAN_SECONDS = 120.0  # for which a process may outlive its Snakemake
# For which a Snakemake that was sent SIGTERM may do nothing. Its handler of the signal takes a lock; where the signal
# comes while it holds that lock already (9.27.1, `exit_gracefully`) it waits for ever, and SIGKILL has to follow.
HUNG_SECONDS = 10.0
LAST_SECONDS = 0.5  # which the last node takes at least, on any machine
# How a run is disturbed, each once in six kills: a lost machine, one killed process (twice as often), and the ways in
# which people, shells and schedulers end a program.
KINDS = ("machine", "process", "process", "terminate", "terminate all", "interrupt")


@dataclass
class Run:
    """What became of one run.

    Attributes:
        kills: what was done, and when, in words.
        tricks: what disk and clock did, in words.
        hung: how often SIGTERM made Snakemake wait for ever, so that SIGKILL had to follow.
        seconds: from its first start to its end.
        problem: why it did not end well, empty if it did.
    """

    kills: list[str] = field(default_factory=list)
    tricks: list[str] = field(default_factory=list)
    hung: int = 0
    seconds: float = 0.0
    problem: str = ""


class Disturber:
    """Runs Snakemake in a checkout and disturbs it.

    Args:
        folder: the checkout.
        targets: what to make; nothing for all.
        nodes: how many nodes the run has.
        seconds: how long it takes undisturbed.
        draws: decides what is killed and when.
        tricky: whether disk and clock play tricks, too, see `tricks`.
    """

    def __init__(
        self, folder: Path, targets: tuple[str, ...], nodes: int, seconds: float, draws: random.Random,
        tricky: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.targets, self.nodes, self.seconds, self.draws = folder, targets, nodes, seconds, draws
        self.tricky = tricky
        self._kinds: list[str] = []

    def run(self, kills: int) -> Run:
        """Start, kill and start again, until Snakemake ends well or an attempt fails that nobody has disturbed."""
        found, begun = Run(), time.monotonic()
        # A moment is a number of finished nodes and a fraction of the time that a node takes: unlike a time, it comes
        # on a busy machine too.
        moments = sorted((self.draws.uniform(0, self.nodes - 0.5) for _ in range(kills)), reverse=True)
        try:
            self._attempt_until_done(moments, found, begun)
            found.seconds = time.monotonic() - begun
            found.problem = found.problem or self._orphans()
        finally:
            self._end_all()
        return found

    def undisturbed(self) -> float:
        """Run once to the end and return the seconds that it took."""
        found = self.run(0)
        assert not found.problem, found.problem
        return found.seconds

    def _attempt_until_done(self, moments: list[float], found: Run, begun: float) -> None:
        with (self.folder / OUTPUT).open("wb") as output:
            while not found.problem:
                before = len(found.kills), len(found.tricks)
                with self._clock(found):
                    engine = subprocess.Popen(self._command(), **self._options(output), start_new_session=True)
                    self._watch(engine, moments, found, begun)
                disturbed = (len(found.kills), len(found.tricks)) > before
                if engine.returncode == 0:
                    if self._flip(found):
                        continue
                    return
                if not disturbed and not found.problem:
                    found.problem = f"does not go on: Snakemake ended with {engine.returncode}: {self._said()}"
                if disturbed and any((self.folder / ".snakemake/locks").glob("*")):  # it could not remove its own lock
                    subprocess.run([*self._command(), "--unlock"], **self._options(output), check=True)

    @contextmanager
    def _clock(self, found: Run) -> Iterator[None]:
        """For one attempt after the first kill the clock was ahead."""
        if not self.tricky or not found.kills or found.tricks:
            yield
            return
        with tricks.clock_ahead(self.folder, self.draws) as done:
            found.tricks += filter(None, [done])
            yield

    def _flip(self, found: Run) -> bool:
        """Once, when all is done, a bit flips; returns whether it did now."""
        if not self.tricky or any("flipped" in done for done in found.tricks):
            return False
        found.tricks += filter(None, [tricks.flip(self.folder, self.draws)])
        return "flipped" in "".join(found.tricks)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *self.targets]

    def _options(self, output: object) -> dict:
        return {"cwd": self.folder, "env": ENVIRONMENT, "stdout": output, "stderr": subprocess.STDOUT}

    def _watch(self, engine: subprocess.Popen, moments: list[float], found: Run, begun: float) -> None:
        """Look on until an attempt has ended, and kill what the moments say."""
        finished, since, before = -1, time.monotonic(), len(found.kills)
        while engine.poll() is None:
            now = len(list((self.folder / "build/demo/provenance").glob("*.json")))
            if now != finished:
                finished, since = now, time.monotonic()
            if moments and self._due(moments[-1], finished, time.monotonic() - since):
                done = self._kill(engine)
                if done:
                    moments.pop()
                    found.kills.append(f"{done} at {time.monotonic() - begun:.1f} s")
                    since = time.monotonic()
            elif len(found.kills) > before and self._hangs(engine, found.kills[before:], time.monotonic() - since):
                found.hung += 1
                engine.kill()
            if time.monotonic() - begun > 60 + 20 * self.seconds:
                found.problem = f"still not done after {time.monotonic() - begun:.0f} s: {self._said()}"
                self._end_all()
            time.sleep(LOOK_SECONDS)

    def _hangs(self, engine: subprocess.Popen, kills: list[str], waited: float) -> bool:
        return "SIGTERM" in "".join(kills) and waited > HUNG_SECONDS and [*processes(self.folder)] == [engine.pid]

    def _due(self, moment: float, finished: int, waited: float) -> bool:
        part = (moment % 1) * self.seconds / self.nodes
        if int(moment) == self.nodes - 1:  # after it there is nothing to kill, however slow the undisturbed run was
            part = min(part, LAST_SECONDS)
        return finished > int(moment) or (finished == int(moment) and waited >= part)

    def _kill(self, engine: subprocess.Popen) -> str:
        """Do one of `KINDS`, and tell what; empty if the victim was quicker."""
        self._kinds = self._kinds or self.draws.sample(KINDS, len(KINDS))
        with suppress(ProcessLookupError, IndexError):  # none is left to choose from
            done = self._do(self._kinds[-1], engine)
            self._kinds.pop()
            return done
        return ""

    def _do(self, kind: str, engine: subprocess.Popen) -> str:
        if kind == "process":
            pid, name = self.draws.choice(sorted(self._tree(engine)))
            os.kill(pid, signal.SIGKILL)
            return f"SIGKILL to {name}"
        if kind == "terminate":
            engine.send_signal(signal.SIGTERM)
            return "SIGTERM to Snakemake"
        number = {"machine": signal.SIGKILL, "terminate all": signal.SIGTERM, "interrupt": signal.SIGINT}[kind]
        os.killpg(engine.pid, number)
        return f"{number.name} to all"

    def _tree(self, engine: subprocess.Popen) -> Iterator[tuple[int, str]]:
        """The processes of the run by id, with their names: Snakemake, shells, stages, and what those have started."""
        for pid, line in processes(self.folder).items():
            words = line.split()
            if pid == engine.pid:
                yield pid, "Snakemake"
            elif words:
                stage = next((word for word in words if word.startswith("stages.")), Path(words[0]).name)
                key = words[words.index("--only") + 1] if "--only" in words else ""
                shell = "the shell of " if "bash" in words[0] else ""
                yield pid, f"{shell}{stage} {key}".strip()

    def _said(self) -> str:
        lines = (self.folder / OUTPUT).read_text(errors="replace").splitlines()
        told = [line.strip() for line in lines if "rror" in line or "locked" in line]
        return (told or lines or ["nothing"])[-1]

    def _orphans(self) -> str:
        until = time.monotonic() + ORPHAN_SECONDS
        while processes(self.folder) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return "".join(f"orphan {line}" for line in list(processes(self.folder).values())[:1])

    def _end_all(self) -> None:
        for pid in processes(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

"""A real Slurm on this machine alone, as root on Debian: two partitions, no accounting, everything in one folder.

`python -m tests.slurm.node COMMAND ...` runs a command with it and stops it afterwards, for example

    python -m tests.slurm.node snakemake --cores all --profile slurm

The partition `cpu` has a node without GPUs and `gpu` one with `Gres=gpu:2`, whose two devices are /dev/null and
/dev/zero: Slurm hands them out as it would GPUs. Both nodes are this machine, on ports of their own.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import debian

ASKED = "REDENOISE_SLURM_TESTS"
PROGRAMS = {"munged": "munge"} | dict.fromkeys(("slurmctld", "slurmd", "sbatch"), "slurm-wlm")
NODES = ("plain", "gpus")
CPUS = 4  # of each node, whatever this machine has: the tests' jobs are tiny
MEMORY_MB = 8000
START_SECONDS = 60
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=2
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
NodeName=plain NodeHostname={host} NodeAddr=127.0.0.1 Port={plain} CPUs={cpus} RealMemory={memory}
NodeName=gpus NodeHostname={host} NodeAddr=127.0.0.1 Port={gpus} CPUs={cpus} RealMemory={memory} Gres=gpu:2
PartitionName=cpu Nodes=plain Default=YES MaxTime=12:00:00 State=UP
PartitionName=gpu Nodes=gpus MaxTime=1-00:00:00 State=UP
"""
GPUS = "AutoDetect=off\nNodeName=gpus Name=gpu File=/dev/null\nNodeName=gpus Name=gpu File=/dev/zero\n"


class Impossible(Exception):
    """Why no Slurm can be started here, in one line."""


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Start Slurm, yield the environment in which its commands find it, and stop it.

    Every daemon is ended by its process id, and the folder with all that they wrote is removed.

    Raises:
        Impossible: not root, or the nodes do not come up.
        debian.Missing: the packages cannot be installed here.
    """
    install()
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)  # munged refuses a socket that others could not reach
    daemons: list[subprocess.Popen] = []
    path = f"{folder}:{os.environ['PATH']}"
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    try:
        write_configuration(folder)
        socket_path = folder / "munge.socket"
        start(daemons, folder, environment, "munged", *munge_options(folder))
        wait_for("munged", lambda: socket_path.exists(), daemons, folder)
        start(daemons, folder, environment, "slurmctld", "-D", "-c")
        for node in NODES:
            start(daemons, folder, environment, "slurmd", "-D", "-N", node)
        wait_for("the nodes", lambda: idle(environment), daemons, folder)
        yield environment
    finally:
        stop(daemons, folder, environment)
        shutil.rmtree(folder, ignore_errors=True)


def install() -> None:
    """Install what is missing; raises `Impossible` or `debian.Missing` where that is not for us to do."""
    if os.geteuid() != 0:
        raise Impossible("not root: Slurm's daemons are not started")
    if packages := debian.missing(PROGRAMS):
        debian.install(*packages)


def write_configuration(folder: Path) -> None:
    """slurm.conf, gres.conf, a key for munge and an `srun` that finds them, on ports that are free now."""
    names = ("controller", *NODES)
    with_ports = [socket.socket() for _ in names]
    for found in with_ports:
        found.bind(("127.0.0.1", 0))
    ports = {name: found.getsockname()[1] for name, found in zip(names, with_ports, strict=True)}
    for found in with_ports:
        found.close()
    host = socket.gethostname().split(".")[0]
    text = CONFIGURATION.format(folder=folder, host=host, cpus=CPUS, memory=MEMORY_MB, **ports)
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(GPUS)
    (folder / "state").mkdir()
    # Snakemake takes every SLURM_ variable from the environment of `srun`, as if there were one /etc/slurm/slurm.conf.
    step = folder / "srun"
    step.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    step.chmod(0o755)
    key = folder / "munge.key"
    key.touch(mode=0o400)
    key.write_bytes(os.urandom(128))


def munge_options(folder: Path) -> list[str]:
    """Options that keep munged to one folder."""
    files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    return ["--foreground", *(f"--{option}={folder}/munge.{suffix}" for option, suffix in files.items())]


def start(daemons: list, folder: Path, environment: dict[str, str], name: str, *options: str) -> None:
    """Start one daemon, out of reach of Ctrl-C; it ends with this process, however that ends."""
    log = (folder / f"{name}{options[-1] if name == 'slurmd' else ''}.out").open("wb")
    program = shutil.which(name, path=f"{environment['PATH']}:{debian.DAEMONS}")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
    with log:
        command = ["setpriv", "--pdeathsig", "TERM", program, *options]
        daemons.append(subprocess.Popen(command, env=environment, start_new_session=True, **quiet))


def lose(environment: dict[str, str], node: str) -> None:
    """Do to a node what a power cut does: its slurmd, its jobs and all their processes are gone, and nobody says so."""
    jobs, managers = set(), set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            variables = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
            if {f"SLURM_CONF={environment['SLURM_CONF']}", f"SLURMD_NODENAME={node}"} <= {*variables}:
                jobs.add(int(process.name))
                managers.add(int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1]))
    for pid in (pid_of(environment, f"slurmd-{node}"), *(managers - jobs - {1}), *jobs):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def restart(environment: dict[str, str], node: str) -> None:
    """Start the slurmd of a node again; `stop` ends it with all that is left of this Slurm."""
    start([], Path(environment["SLURM_CONF"]).parent, environment, "slurmd", "-D", "-N", node)


def lose_controller(environment: dict[str, str]) -> None:
    """Kill slurmctld: jobs go on, and every command of Slurm fails."""
    os.kill(pid_of(environment, "slurmctld"), signal.SIGKILL)


def restart_controller(environment: dict[str, str]) -> None:
    """Start slurmctld again with the state that it has saved; `stop` ends it."""
    start([], Path(environment["SLURM_CONF"]).parent, environment, "slurmctld", "-D")


def pid_of(environment: dict[str, str], daemon: str) -> int:
    """Process id of a daemon by the name of its file."""
    return int(Path(environment["SLURM_CONF"]).with_name(f"{daemon}.pid").read_text())


def idle(environment: dict[str, str]) -> bool:
    """Whether every node is ready for jobs."""
    command = ["sinfo", "--noheader", "--Node", "--format=%T"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return found.stdout.split() == ["idle"] * len(NODES)


def wait_for(what: str, ready, daemons: list, folder: Path) -> None:
    """Wait until `ready`; raises `Impossible` with the last words of a daemon that ended, or after a minute."""
    until = time.monotonic() + START_SECONDS
    while not ready():
        ended = [daemon for daemon in daemons if daemon.poll() is not None]
        if ended or time.monotonic() > until:
            lines = [line for log in sorted(folder.glob("*.out")) for line in log.read_text().splitlines()]
            errors = [line for line in lines if "error" in line.lower()] or lines or ["?"]
            raise Impossible(f"{what} did not come up: {errors[-1]}")
        time.sleep(0.1)


def stop(daemons: list, folder: Path, environment: dict[str, str]) -> None:
    """Cancel every job and wait until all are gone, end the daemons, the last first, and what they have left behind."""
    quiet = {"env": environment, "capture_output": True, "text": True, "check": False}
    until = time.monotonic() + START_SECONDS
    # Again and again: who submitted the jobs may submit them again.
    while len(daemons) > 1 and time.monotonic() < until:
        for options in (["--full", "--signal=KILL"], []):
            subprocess.run(["scancel", *options, "--user=root"], **quiet)
        if not subprocess.run(["squeue", "--noheader"], **quiet).stdout.strip():
            break
        time.sleep(0.1)
    for daemon in reversed(daemons):
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if f"SLURM_CONF={folder}/" in process.joinpath("environ").read_text(errors="replace"):
                os.kill(int(process.name), signal.SIGKILL)


def main() -> None:
    """Run the command of the arguments, and exit as it does; SIGTERM ends the command, then Slurm."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with running() as environment, subprocess.Popen(sys.argv[1:], env=environment) as command:
            try:
                sys.exit(command.wait())
            finally:
                command.terminate()
    except (Impossible, debian.Missing) as reason:
        sys.exit(f"error: {reason}")


if __name__ == "__main__":
    main()

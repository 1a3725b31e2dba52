"""Stand-ins for Slurm's commands that count their calls: a submitted job makes its node's outputs at once.

`python slurm.py FOLDER NAME [ARGUMENTS...]` is what a stand-in runs, with nothing but Python's own library: a call has
to be quick. In FOLDER are `outputs.json` (the outputs of each job, by `rule` or `rule:key`), `calls` (one line for each
call), `jobs` (one line for each job or task of an array) and `command` (the shell command of the last submission).
"""

import base64
import fcntl
import json
import os
import re
import sys
import zlib
from collections import Counter
from pathlib import Path

COMMANDS = ("sbatch", "squeue", "sinfo", "scontrol", "sacct", "sacctmgr", "scancel", "srun")
TARGETS = re.compile(r"--target-jobs(.*?)(?= --|$)", re.DOTALL)
TARGET = re.compile(r"(\w+):(?:key=([\w-]+))?")
TASKS = re.compile(r"--slurm-jobstep-array-execs[= ]\W*([A-Za-z0-9+/=]{8,})")
ARRAY = re.compile(r"--array=(\d+)-(\d+)")
CONFIGURATION = "MinJobAge               = 300 sec\nMaxArraySize            = 1001\n"


def install(folder: Path, outputs: dict[str, list[str]]) -> Path:
    """Write the stand-ins; returns the folder to put first on PATH.

    Args:
        outputs: what each job is to make, by `rule:key`, or by `rule` where a rule has one job.
    """
    place = folder / "bin"
    place.mkdir(parents=True)
    (folder / "outputs.json").write_text(json.dumps(outputs), encoding="utf-8")
    for name in COMMANDS:
        script = place / name
        line = f'exec "{sys.executable}" -ISB "{Path(__file__).resolve()}" "{folder.resolve()}" {name} "$@"'
        script.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        script.chmod(0o755)
    return place


def counts(folder: Path) -> dict[str, int]:
    """How many jobs ran, array tasks among them, and how often each command was called."""
    calls = Counter((folder / "calls").read_text(encoding="utf-8").split()) if (folder / "calls").exists() else {}
    jobs = (folder / "jobs").read_text(encoding="utf-8").split() if (folder / "jobs").exists() else []
    return {"jobs of Slurm": len(jobs)} | {f"calls of {name}": calls[name] for name in sorted(calls)}


def submitted(text: str) -> list[str]:
    """The jobs that a submission runs, as in `outputs.json`: of the command itself and of the tasks of its array."""
    commands = [text]
    if found := TASKS.search(text):
        tasks = json.loads(base64.b64decode(found[1]))
        commands += [zlib.decompress(bytes.fromhex(task)).decode() for task in tasks.values()]
    return [
        f"{rule}:{key}" if key else rule
        for command in commands
        for targets in TARGETS.findall(command)[:1]
        for rule, key in TARGET.findall(targets)
    ]


def _submit(folder: Path, text: str) -> str:
    """Make the outputs of a submission's jobs; returns the job's number, as `sbatch --parsable` prints it."""
    outputs = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))
    for job in submitted(text):
        for path in map(Path, outputs[job]):
            file = path if path.suffix else path / "index.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{path}\n", encoding="utf-8")
    array = ARRAY.search(text)
    with open(folder / "jobs", "a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        number = len({line.partition("_")[0] for line in stream.read().split()}) + 1
        tasks = [f"{number}_{task}" for task in range(int(array[1]), int(array[2]) + 1)] if array else [str(number)]
        stream.write("".join(f"{task}\n" for task in tasks))
    return str(number)


def main() -> None:
    """One call of a stand-in."""
    folder, name, arguments = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with open(folder / "calls", "a", encoding="utf-8") as stream:
        stream.write(f"{name}\n")
    if name == "sbatch":
        script = sys.stdin.read() if "/dev/stdin" in arguments else ""
        wrapped = [argument.removeprefix("--wrap=") for argument in arguments if argument.startswith("--wrap=")]
        (folder / "command").write_text(script or wrapped[0], encoding="utf-8")
        print(_submit(folder, " ".join([*arguments, script])))
    elif name == "srun":
        command = [argument for argument in arguments if not argument.startswith("-")]
        start = arguments.index(command[0])
        os.execvp(command[0], arguments[start:])
    elif name == "squeue":
        jobs = folder / "jobs"
        for job in jobs.read_text(encoding="utf-8").split() if jobs.exists() else []:
            print(f"{job}|COMPLETED")
    elif name == "scontrol":
        print(CONFIGURATION, end="")
    elif name == "sinfo":
        print("all*")


if __name__ == "__main__":
    main()

"""The cluster file of the Slurm profile: what it may hold, what jobs ask for by it, and what a cluster makes of it."""

import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
import yaml

from redenoise.commands.cluster import command, resources
from redenoise.commands.cluster.check import check_cluster, read_gpus, read_minutes, read_partitions
from redenoise.dag.config import SCALES
from redenoise.dag.table import MEASURING
from redenoise.support.errors import UserError
from redenoise.support.yaml_files import read_yaml
from tests.conftest import ROOT

SINFO = """\
short*|up|2:00:00|16|64000|(null)|idle
short*|up|2:00:00|64|256000|(null)|down*
gpu|up|2-00:00:00|32|128000|gpu:a100:4(S:0-1)|mixed
gpu|up|2-00:00:00|32|128000|gpu:v100:2|drained
old|down|infinite|8|32000|gpu:2|idle
broken|up|infinite|8|32000|gpu:2|drained
"""
CONFIG = "AccountingStorageType   = accounting_storage/{storage}\nMinJobAge               = {age} sec\n"
FITS = (
    "cpu: {partition: short, max_hours: 2, max_gb: 64}\ngpu: {ask: gpu, partition: gpu, max_hours: 48, max_gb: 128}\n"
)


@pytest.fixture
def file(project: Path) -> Path:
    """Where the profile looks for a cluster file, in a scratch project."""
    resources.CLUSTER.parent.mkdir(parents=True)
    return resources.CLUSTER


@pytest.fixture
def slurm(project: Path, monkeypatch: pytest.MonkeyPatch):
    """A cluster as its commands show it; `say` changes what one prints and whether it succeeds."""
    folder = project / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def say(command: str, text: str = "", code: int = 0) -> None:
        (folder / f"{command}.txt").write_text(text)
        script = folder / command
        stream = "cat" if code == 0 else "cat >&2"
        script.write_text(
            f'#!/bin/sh\necho "$0 $*" >> {folder}/calls\n{stream} < {folder}/{command}.txt\nexit {code}\n'
        )
        script.chmod(0o755)

    say("sinfo", SINFO)
    say("scontrol", CONFIG.format(storage="none", age=300))
    for name in ("sacctmgr", "sacct", "sbatch"):
        say(name)
    say.calls = folder / "calls"
    return say


def options(text: str, file: Path, *arguments: str) -> dict:
    file.write_text(text)
    return resources.snakemake_options(arguments)


def asked(text: str, file: Path, stage: str, scale: str = "paper", attempt: int = 1) -> dict:
    """What Snakemake evaluates the resources of a rule to."""
    values = options(text, file, f"scale={scale}")["set-resources"][stage]
    whole = types.SimpleNamespace(shards=[])
    known = {"attempt": attempt, "input": whole, "min": min, "__builtins__": {}}
    return {name: eval(value, known) if isinstance(value, str) else value for name, value in values.items()}


def test_example_names_every_rule_that_slurm_runs():
    local = re.search(r"^localrules:\n((?:    .*\n)+)", (ROOT / "Snakefile").read_text(), re.MULTILINE)[1]
    rules = [
        rule
        for file in (ROOT / "workflow/rules").glob("*.smk")
        for rule in re.findall(r"^rule (\w+):", file.read_text(), re.MULTILINE)
    ]
    example = read_yaml(resources.EXAMPLE)
    shards = {f"{stage}_shard" for stage in MEASURING}  # ask for what their stage does, for a shorter time
    assert set(example["stages"]) == set(rules) - set(re.findall(r"\w+", local)) - shards
    assert shards < set(rules)
    assert set(example["scales"]) <= {file.stem for file in (ROOT / SCALES).glob("*.yaml")}


def test_example_copied_as_it_stands_changes_nothing(file: Path):
    without = resources.snakemake_options([])
    shutil.copy(resources.EXAMPLE, file)
    assert resources.snakemake_options([]) == without


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu: {partitoin: x}", r"cluster.yaml: unknown key 'cpu.partitoin'; .*did you mean 'partition'"),
        ("gpu: {ask: gpus}", r"'gpu.ask' is 'gpus'; allowed: gpu, gres, none; did you mean 'gpu'"),
        ("stages: {trian: {gpus: 1}}", r"unknown key 'stages.trian'; .*did you mean 'train'"),
        ("stages: {train: {hours: 0}}", r"'stages.train.hours': 0 .*give a number above 0"),
        ("stages: {train: {gpus: 2}}", r"'stages.train.gpus' is 2; allowed: 0, 1"),
        ("stages: {every: {gb: 2}}", r"every is for a scale"),
        ("scales: {dmo: {}}", r"'scales.dmo' is not a scale; .*did you mean 'demo'"),
        ("cpu: {partition: a b}", r"'cpu.partition': 'a b' .*give a name without spaces"),
        ("jobs: 1\njobs: 2", r"line 2.*key 'jobs' given twice"),
        ("jobs: [", r"cluster.yaml: line [12], .*expected valid YAML"),
        ("- jobs", r"cluster.yaml: 'the file': \['jobs'\] is not of type"),
    ],
)
def test_mistake_is_named_in_one_line(file: Path, text: str, expected: str):
    with pytest.raises(UserError, match=expected) as caught:
        options(text, file)
    assert "\n" not in str(caught.value)


def test_gpus_are_asked_for_in_either_spelling_or_not_at_all(file: Path):
    assert asked("gpu: {ask: gpu, partition: g}", file, "train").items() >= {"gpu": 1, "slurm_partition": "g"}.items()
    assert asked("gpu: {ask: gpu, model: a100}", file, "train")["gpu_model"] == "a100"
    spelled = asked("gpu: {ask: gres, model: a100}", file, "train")
    assert spelled["gres"] == "gpu:a100:1" and "gpu" not in spelled
    assert asked("gpu: {ask: gres}", file, "task")["gres"] == "gpu:1"
    without = asked("cpu: {partition: c}", file, "train")
    assert without["slurm_partition"] == "c" and not {"gpu", "gres"} & set(without)
    assert not {"gpu", "gres"} & set(asked("gpu: {ask: gpu}", file, "evaluate"))


def test_second_attempt_asks_for_more_up_to_the_limits(file: Path):
    text = "cpu: {max_hours: 5, max_gb: 20}\nfactors: {memory: 0.5, time: 2}\nstages: {filter: {hours: 1, gb: 16}}"
    found = [asked(text, file, "filter", attempt=attempt) for attempt in (1, 2, 3, 9)]
    assert [entry["runtime"] for entry in found] == [120, 240, 300, 300]
    assert [entry["mem_mb"] for entry in found] == [8000, 16000, 20000, 20000]


def test_a_job_that_holds_several_nodes_stays_below_the_limits(file: Path):
    text = "cpu: {max_hours: 3, max_gb: 16}\nstages: {evaluate: {together: 10, hours: 2, gb: 9, cpus: 2}}"
    file.write_text(text)
    request = next(one for one in resources.requests(resources.load_cluster(), None) if one.stage == "evaluate")
    assert (request.job(), request.job(last=True)) == ((2, 9000, 180), (2, 16000, 180))  # ten times 18 minutes
    found = options(text, file, "scale=paper")
    assert found["groups"]["evaluate"] == "evaluate" and found["group-components"]["evaluate"] == 10


def test_names_reach_sbatch_as_they_are(file: Path):
    """Also those that Snakemake would take for a variable or for a number."""
    text = "account: 007x\ncpu: {partition: input, qos: all, constraint: 'a&b'}\nextra: --mail-type=FAIL"
    found = asked(text, file, "evaluate")
    assert (found["slurm_account"], found["slurm_partition"], found["qos"]) == ("007x", "input", "all")
    assert found["constraint"] == "a&b"
    assert found["slurm_extra"] == "--signal=TERM@120 --mail-type=FAIL"
    assert "slurm_extra" not in asked("warning_seconds: 0", file, "evaluate")


def test_accounting_chooses_who_is_asked_about_jobs(file: Path):
    assert options("accounting: true", file)["slurm-status-command"] == "sacct"
    assert options("", file)["slurm-status-command"] == "squeue"


def test_scale_of_the_command_line_counts(file: Path):
    demo, bench = (asked("gpu: {ask: gpu}", file, "train", scale) for scale in ("demo", "bench"))
    assert demo["runtime"] == 30 and demo["gpu"] == 1
    assert "gpu" not in bench
    assert options("", file)["set-resources"] == options("", file, "--config", "scale=demo")["set-resources"]


def test_profile_hands_its_values_to_snakemake(tmp_path: Path):
    pytest.importorskip("snakemake", reason="Snakemake is not installed: the profile is not read")
    for name in ("redenoise", "stages", "workflow", "published", "weights"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "cluster.yaml"))
    for name in ("Snakefile", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "slurm").symlink_to("workflow/profiles/slurm")
    own = tmp_path / "slurm/cluster.yaml"
    own.write_text("gpu: {ask: gres, partition: fast}\naccount: me\nscratch: /scratch/mine\n")
    # The program and not `python -m snakemake`: it does not have this folder on Python's path.
    program = Path(sys.executable).with_name("snakemake")
    command = [program, "--cores", "1", "--profile", "slurm", "--dry-run", "build/demo/weights/dncnn_s"]
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, **run)
    shown = re.search(r"rule train:.*?resources: ([^\n]*)", done.stdout + done.stderr, re.DOTALL)[1].split(", ")
    expected = {"gres=gpu:1", "slurm_partition=fast", "slurm_account=me", "mem_mb=4000", "runtime=30"}
    assert expected | {"slurm_extra=--signal=TERM@120", "tmpdir=/scratch/mine"} <= set(shown)
    own.write_text("gpu: {aks: gres}\n")
    done = subprocess.run(command, **run)
    assert done.returncode != 0
    assert re.search(
        r"^error: .*cluster.yaml: unknown key 'gpu.aks'; .*did you mean 'ask'\?\n\Z", done.stderr, re.MULTILINE
    )
    assert "Traceback" not in done.stderr


def test_sinfo_is_read():
    found = read_partitions(SINFO)
    assert found[""] == found["short"] and found["short"].minutes == 120
    assert [nodes.usable for nodes in found["short"].nodes] == [True, False]
    assert found["gpu"].models() == {"a100", "v100"} and found["old"].minutes is None and not found["old"].up
    assert read_gpus("gpu:a100:4(S:0-1),gpu:v100:2,nvme:1") == {"a100": 4, "v100": 2}
    assert [read_gpus(text) for text in ("gpu:2(S:0)", "gpu", "(null)", "bigpu:3")] == [{"": 2}, {"": 1}, {}, {}]
    assert [read_minutes(text) for text in ("1-12:00:00", "2:30:00", "30:30", "infinite")] == [2160, 150, 30.5, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu: {partition: shrot}", r"cpu.partition 'shrot' is not a partition here; .*did you mean 'short'"),
        ("cpu: {partition: 'gpu,lost'}", r"cpu.partition 'lost' is not a partition here"),
        ("cpu: {partition: old}", r"cpu.partition: 'old' is not up; name another one"),
        ("cpu: {partition: broken}", r"cpu.partition: 'broken' has no node in service"),
        ("cpu: {max_hours: 24}", r"'short' ends jobs after 2 h, .*filter.* up to 24 h .*set cpu.max_hours: 2$"),
        ("cpu: {max_hours: }", r"filter.* may ask for up to 72 h when submitted again"),
        (
            "cpu: {max_gb: }\nstages: {filter: {gb: 30}}",
            r"more than 64000 MB, stages filter, filter_shard .*set cpu.max_gb: 64$",
        ),
        (
            "stages: {illustrate: {cpus: 20}}",
            r"no node with more than 16 cores, stage illustrate ask.* lower stages.illustrate.cpus$",
        ),
        (
            "cpu: {max_gb: }\nstages: {filter: {gb: 70}}",
            r"more than 64000 MB, stages filter, filter_shard ask for up to 70 GB; .* or lower stages.filter.gb$",
        ),
        ("gpu: {max_gb: 20}", r"gpu.max_gb is 20, stages task, cascade ask for up to 32 GB; .*stages.cascade.gb$"),
        (
            "gpu: {partition: short, max_hours: 2}",
            r"gpu.partition: 'short' has no GPUs, stages train, .*; with GPUs: gpu, old",
        ),
        ("gpu: {model: a10}", r"'gpu' has no GPU 'a10'; allowed: a100, v100; did you mean 'a100'"),
        ("account: mine", r"account is 'mine', but this cluster keeps no accounting; leave account empty"),
        ("accounting: true", r"accounting is true, but this cluster keeps no accounting; set accounting: false"),
        ("poll_seconds: 120", r"squeue forgets a finished job after 300 s.*set poll_seconds: 100$"),
    ],
)
def test_what_the_cluster_lacks_is_named(slurm, file: Path, text: str, expected: str):
    fits, changes = yaml.safe_load(FITS), yaml.safe_load(text)
    for section in ("cpu", "gpu"):
        fits[section] |= changes.pop(section, {})
    file.write_text(yaml.safe_dump(fits | changes))
    problems = check_cluster(file, "paper")
    assert len(problems) == 1, problems
    assert re.search(expected, problems[0]), problems[0]
    assert problems[0].startswith(f"{file}: ")


def test_what_fits_is_shown_to_sbatch_once_for_each_kind_of_job(slurm, file: Path):
    file.write_text(FITS)
    assert check_cluster(scale="paper") == []
    calls = [line for line in slurm.calls.read_text().splitlines() if "/sbatch " in line]
    assert len(calls) == len(set(calls)) < 11
    assert all("--test-only" in call for call in calls)
    assert any("--partition=gpu --gpus=1" in call and "--time=1440 --mem=16000" in call for call in calls)
    slurm("sbatch", "allocation failure: Invalid qos specification\n", code=1)
    (problem,) = check_cluster(file, "paper")  # one answer to all of them is one line
    wanted = r"^slurm/cluster.yaml: Slurm refuses jobs of stages .*train.*: .*Invalid qos .*: sbatch --test-only --time"
    assert re.search(wanted, problem), problem


def test_what_a_fitting_file_makes_of_a_run_is_told(slurm, file: Path):
    file.write_text(FITS)
    first, *notes = command.describe(scale="paper")
    places = "jobs without GPUs in partition short, jobs with GPUs in partition gpu (--gpus=1)"
    assert first == f"slurm/cluster.yaml fits the cluster at scale paper: {places}"
    assert notes == ["note: cpu.max_hours is below what jobs of leakage, synthesize, degrade ask for, up to 10 h"]
    file.write_text("cpu: {partition: short, max_hours: 2, max_gb: 64}\ngpu: {partition: gpu}")
    assert (
        "note: gpu.ask is none, so nothing will use the GPUs of gpu, old, broken; set gpu.ask: gpu"
        in command.describe()
    )
    file.unlink()
    assert command.describe()[1] == (
        "note: slurm/cluster.yaml is not there, so the defaults count; cp slurm/cluster.example.yaml "
        "slurm/cluster.yaml and edit the copy"
    )


def test_a_file_that_does_not_fit_ends_with_its_problems(slurm, file: Path, capsys: pytest.CaptureFixture[str]):
    file.write_text("cpu: {partition: shrot}")
    with pytest.raises(UserError, match="slurm/cluster.yaml: 1 problem at scale demo, see above"):
        command.check(None, None)
    assert "'shrot' is not a partition here" in capsys.readouterr().out
    with pytest.raises(UserError, match="scale 'papr' is not known; .*did you mean 'paper'"):
        command.check(None, "papr")
    file.write_text(FITS)
    assert command.check(None, "demo").startswith("slurm/cluster.yaml fits the cluster at scale demo: ")


def test_account_is_held_against_the_database(slurm, file: Path):
    slurm("scontrol", CONFIG.format(storage="slurmdbd", age=5))
    slurm("sacctmgr", "physics\nvision\n")
    file.write_text(f"{FITS}account: visoin\naccounting: true\n")
    assert [problem.partition("; ")[2] for problem in check_cluster(file, "demo")] == [
        "allowed: physics, vision; did you mean 'vision'?"
    ]
    file.write_text(f"{FITS}account: vision\naccounting: true\n")
    assert check_cluster(file, "demo") == []


def test_without_slurm_one_line_says_where_to_run_it(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="sinfo: not found on this machine; run this where Slurm's commands are"):
        check_cluster()
    with pytest.raises(UserError, match="mine.yaml: not found; copy slurm/cluster.example.yaml there"):
        check_cluster("mine.yaml")


def test_slurm_that_does_not_answer_ends_with_one_line(slurm, file: Path):
    slurm("sinfo", "slurm_load_partitions: Unable to contact slurm controller\n", code=1)
    with pytest.raises(UserError, match="sinfo .*Slurm does not answer: Unable to contact slurm controller"):
        check_cluster()

"""A commit of the project in a folder of its own, with the demo cut down to seconds of work, and its engines."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from redenoise.support.locks import exclusive
from tests.conftest import ROOT

# What stays of each section of params.yaml: a node of every stage, and of the report's inputs what needs them.
TRAINING_SETS = ("train400", "cbsd432", "t91", "t91_bsd200", "t91_train400")
KEPT = {
    "downloads": (
        *("kodak", "set12", "classic5", "rni15"),
        *TRAINING_SETS,
        *("dncnn_weights", "xunit_weights", "xsrcnn_weights"),
    ),
    "pairs": tuple(f"{test}-{train}" for test in ("kodak", "set12", "classic5", "rni15") for train in TRAINING_SETS),
    "noisy": ("kodak", "set12"),
    "degraded": ("classic5-jpeg",),
    "families": ("dncnn_s", "dncnn_b", "cdncnn_b", "proposed_tasks", "xdncnn", "xsrcnn_f"),
    "evaluations": ("kodak-cdncnn_b", "set12-dncnn_s"),
    "filters": ("kodak-cbm3d",),
    "restorations": ("classic5-dncnn_b",),
    "labelled": ("imagenet_train", "imagenet_val", "voc_train_aug", "voc_val"),
    "tasks": ("classification", "segmentation"),
    "cascades": ("classify_2020", "segment_2020"),
    "recognitions": ("classification-cross_2020", "segmentation-joint_2020"),
    "filtered_recognitions": ("classification-cbm3d",),
}
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
ENVIRONMENT.pop("REDENOISE_MIRROR", None)


def run(folder: Path, *command: str, fails: bool = False) -> str:
    """Output of a command in a checkout, run with this interpreter's environment."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def snakemake(folder: Path, *options: str) -> str:
    return run(folder, sys.executable, "-m", "snakemake", "--cores", "2", *options)


def dvc(folder: Path, *command: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *command)


def checkout(target: Path, kept: dict[str, tuple[str, ...]] = KEPT) -> Path:
    """A commit of the project as it stands here, with tiny demo settings and `kept` of the grid."""
    for name in ("stages", "redenoise", "workflow", "published", "weights", "reports/spread", "reports/benchmark"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, target)
    (target / "profiles").symlink_to("workflow/profiles")
    (target / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, target / ".dvc")
    cut(target, kept)
    scale = target / "workflow/scales/demo.yaml"
    text = re.sub(r"steps: \d+", "steps: 2", scale.read_text())
    text = re.sub(r"test: \d+, train: \d+, size: \d+", "test: 1, train: 2, size: 48", text)
    text = re.sub(r"train: \d+, test: \d+, size: 48, filtered: \d+", "train: 16, test: 8, size: 48, filtered: 1", text)
    scale.write_text(re.sub(r"leaves_out: \[[^]]*\]", "leaves_out: []", text))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        run(target, "git", "-c", "user.name=test", "-c", "user.email=test@localhost", *command)
    return target


def finished(factory: pytest.TempPathFactory) -> Path:
    """A checkout in which Snakemake has run, made once for all processes of pytest: to be copied."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    shared = factory.getbasetemp().parent if worker else factory.getbasetemp()
    with exclusive(shared / ".finished.lock", "the finished checkout"):
        if not (shared / "finished").exists():
            snakemake(checkout(shared / "being-made"))
            (shared / "being-made").rename(shared / "finished")
    return shared / "finished"


def copied(folder: Path, target: Path) -> Path:
    """A copy of a checkout with the times of its files, by which Snakemake tells what is up to date."""
    return Path(shutil.copytree(folder, target, symlinks=True))


def cut(target: Path, kept: dict[str, tuple[str, ...]]) -> None:
    """Leave the entries of `kept` in params.yaml."""
    params = yaml.safe_load((target / "params.yaml").read_text())
    for section, names in kept.items():
        params[section] = {name: params[section][name] for name in names}
    for entry in params["downloads"].values():
        entry.pop("overlaps", None)
    figures = params["figures"]
    figures |= {"general": "dncnn_b", "examples": "kodak", "real_pairs": "rni15"}
    figures |= {"classify_photographs": figures["classification"], "segment_photographs": figures["segmentation"]}
    params["families"]["xsrcnn_f"]["validation"] = "classic5"
    params["miniatures"]["dncnn"] = {"depth": 3, "width": 4}
    (target / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def processes(folder: Path) -> dict[int, str]:
    """Command lines of the processes that work in a folder, by their ids."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cwd").readlink().is_relative_to(folder.resolve()):
                found[int(process.name)] = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended
            continue
    return found

"""Training for a limited time on a machine that is lent: the groups, the time, the pack and what is taken of it."""

import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from redenoise.commands.release import cards
from redenoise.commands.rent import command, groups
from redenoise.commands.rent.parts import unpacked, write_parts
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.stored import task_spec
from redenoise.support.errors import Stopped, UserError
from redenoise.support.files import read_json, write_json
from redenoise.training.checkpoint import read_checkpoint
from redenoise.training.run import Run
from stages.released.node import run as index_released
from stages.task.node import run as task
from stages.task.sources import placed_network
from tests.cascade_project import SHORT, change, make_sets, small_project
from tests.conftest import ROOT
from tests.training_project import make_images, run_of, schedule, small_demo

# What a machine that is lent for its GPU lacks of the packages of this project.
ABSENT = ("jsonschema", "referencing", "snakemake", "dvc", "tabulate", "scipy", "skimage", "matplotlib", "torchvision")
GROUPS = {
    "ours": {"scale": "demo", "train": ["proposed"], "training": {"batch": 2}},
    "printed": {"scale": "demo", "train": ["s2_skip_e128_d128", "s2_noskip_e128_d256"]},
}
MODELS = ["proposed-sigma25", "proposed-sigma35", "proposed-sigma50"]


@pytest.fixture
def rented(project: Path) -> Path:
    """A project with groups, cut down to seconds; `printed` keeps the steps of its schedule."""
    small_demo()
    make_images("cbsd68", (40, 36, 3))
    Path("workflow/rented.yaml").write_text(yaml.safe_dump(GROUPS))
    return project


@pytest.fixture
def printed(rented: Path) -> Path:
    """`rented` with a schedule whose steps are printed, and few."""
    small_demo(schedule="liu2020")
    return rented


def test_a_dry_run_without_the_packages_that_such_a_machine_lacks(rented: Path):
    """The steps are chosen at the first call and kept; what came out is taken up at home."""
    code = f"import sys; sys.modules.update(dict.fromkeys({ABSENT})); from redenoise.commands.main import main; main()"
    line = ["rent", "train", "ours", "--minutes", "0.1", "--output", "pack", "--limit", "0.01"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    steps = set()
    for _ in range(4):  # on a busy machine the time may be over before the steps that it was enough for
        done = subprocess.run([sys.executable, "-c", code, *line], env=environment, capture_output=True, text=True)
        steps.add(read_json("build/demo/checkpoints/rented/train-proposed.json")["steps"])
        if not done.returncode:
            break
        assert "stopped by its deadline" in done.stderr, done.stderr
    assert done.returncode == 0 and len(steps) == 1
    assert "params.yaml: not checked, jsonschema is not installed here" in done.stderr
    files = sorted(Path("pack").iterdir())
    assert len(files) > 2 and all(path.stat().st_size <= 10_000 for path in files)
    assert f" {steps.pop():,} of " in Path("pack/ours.md").read_text()
    command.main(["take", "pack", "--scale", "demo"])
    found = {f"{card['family']}-{card['model']}": card for card in cards()}
    assert sorted(found) == MODELS
    assert all(card["precision_cost"] < 0.002 and set(card["psnr"]) == {"Kodak", "CBSD68"} for card in found.values())


def test_the_committed_groups_are_groups(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    trained = {}
    for name in yaml.safe_load(groups.GROUPS.read_text()):
        config, nodes = groups.read_group(name)
        trained[name] = groups.together(config, nodes)
    assert trained["table1"] == [[("train", key) for _, key in trained["table1"][0]]]  # one step for all of them
    assert all(len(nodes) == 1 for name in ("cascades", "tasks") for nodes in trained[name])


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("none", GROUPS["ours"], "rented.yaml: no group 'none'; .*ours"),
        ("ours", {"scale": "demo", "train": ["propose"]}, "families has no entry 'propose'; .*did you mean 'proposed'"),
        ("ours", {"scale": "bench", "train": ["proposed"]}, "group 'ours' trains nothing at scale bench"),
        ("ours", {"scale": "demo"}, "group 'ours' trains nothing at scale demo"),
        (
            "ours",
            {"scale": "demo", "trian": ["proposed"]},
            "rented.yaml: unknown key 'ours.trian'; .*did you mean 'train'",
        ),
    ],
)
def test_a_wrong_group_is_refused(project: Path, name: str, entry: dict, expected: str):
    Path("workflow/rented.yaml").write_text(yaml.safe_dump({"ours": entry}))
    with pytest.raises(UserError, match=expected):
        groups.read_group(name)


def test_families_that_draw_the_same_patches_train_in_one_step(printed: Path, monkeypatch: pytest.MonkeyPatch):
    seen = []
    finish = Run.finish
    monkeypatch.setattr(Run, "finish", lambda run: (seen.append([one.name for one in run.members]), finish(run)))
    command.run("printed", 1.0, Path("pack"))
    assert seen == [["s2_skip_e128_d128 sigma35", "s2_noskip_e128_d256 sigma35"]]
    for key in GROUPS["printed"]["train"]:
        assert (paths.checkpoints("demo", key) / "sigma35.safetensors").is_file()


def test_another_machine_goes_on_from_a_pack(printed: Path, capsys: pytest.CaptureFixture[str]):
    """No time is left for more than a step; the next call ends the schedule, elsewhere."""
    with pytest.raises(Stopped, match="stopped by its deadline after step 1 of 4.*packed as it stands in pack"):
        command.run("printed", 1e-6, Path("pack"), checkpoints=True)
    shutil.rmtree("build/demo/checkpoints")
    command.main(["train", "printed", "--minutes", "1", "--output", "second", "--from", "pack"])
    assert "s2_skip_e128_d128 sigma35: goes on from step 1" in capsys.readouterr().err
    assert " 4 of 4 " in Path("second/printed.md").read_text()


def test_what_is_released_already_and_better_stays(printed: Path):
    command.run("printed", 1.0, Path("pack"))
    name = "s2_skip_e128_d128-sigma35"
    config = load_config("demo")
    assert [line.split(": ")[1][:5] for line in command.take(config, Path("pack"))] == ["taken", "taken"]
    card = Path(f"weights/{name}.json")
    known = read_json(card)
    write_json(card, {**known, "curve": [[4, 1e-4, 30.0, 60.0]]})
    before = card.read_bytes()
    lines = command.take(config, Path("pack"))
    assert f"weights/{name}.safetensors: kept, watched at 60.00 dB" in lines[1] and lines[0].endswith("taken")
    assert card.read_bytes() == before


def released(config: Config) -> Path:
    """The folder of the stage `released`, made."""
    index_released(config)
    return paths.data(config.scale, paths.RELEASED)


def test_networks_of_tasks_train_one_by_one_and_are_taken_up(project: Path):
    """One that starts from the network of another task, too."""
    small_project()
    config = change("demo", tasks={**SHORT, "schedule": "liu2020", "patch": 40})  # whose steps are printed
    make_sets(config)
    task(config, "classification")
    entry = {"scale": "demo", "task": ["classification", "segmentation"]}
    Path("workflow/rented.yaml").write_text(yaml.safe_dump({"tasks": entry}))
    shutil.rmtree("build/demo/checkpoints")
    command.main(["train", "tasks", "--minutes", "2", "--output", "pack"])
    page = Path("pack/tasks.md").read_text()
    assert page.count(" 3 of 3 ") == 2 and "segmentation model" in page and "float32" in page
    lines = command.take(load_config("demo"), Path("pack"))
    assert [line.split(": ")[1] for line in lines] == ["taken", "taken"]
    for card in cards():
        name = f"{card['family']}-{card['model']}"
        network, _ = load_network(paths.WEIGHTS / f"{name}.safetensors", build=recognizers.build)
        made = read_checkpoint(paths.checkpoints("demo", f"task-{card['family']}") / "model.safetensors")[1]
        for key, value in network.state_dict().items():
            assert torch.allclose(value, made[f"network.{key}"], rtol=1e-3, atol=1e-6)  # of 16 bits
        assert card["scores"] and card["steps_done"] == 3 and f"| [{name}]" in Path("weights/README.md").read_text()
    assert placed_network(task_spec(config, "segmentation"), "segmentation-model", released(config))[1]["steps"] == 3


def test_a_task_and_a_cascade_of_one_name_train_apart(project: Path):
    nodes = [("task", "classify_photographs"), ("cascade", "classify_photographs")]
    assert groups.together(load_config("demo"), nodes) == [[node] for node in nodes]


def test_parts_come_together_again_and_one_that_is_missing_is_named(tmp_path: Path):
    content = os.urandom(50_000)
    (tmp_path / "a").write_bytes(content)
    write_parts(tmp_path, "many", {"in/a": tmp_path / "a"}, 1_000)
    parts = write_parts(tmp_path, "many", {"in/a": tmp_path / "a"}, 20_000)
    assert sorted(tmp_path.glob("*.part")) == parts and math.isclose(len(parts), 4, abs_tol=1)
    with unpacked(tmp_path) as inside:
        assert (inside / "in/a").read_bytes() == content
    parts[1].unlink()
    with pytest.raises(UserError, match=f"pack 'many' lacks part 2 of {len(parts)}; copy it here"), unpacked(tmp_path):
        pass


@pytest.mark.parametrize("damage", [b"", b"x" * 2000])
def test_a_damaged_pack_is_refused(tmp_path: Path, damage: bytes):
    (tmp_path / "a.1-of-1.part").write_bytes(damage)
    with pytest.raises(UserError, match="a: its parts make no archive .*copy them again"), unpacked(tmp_path):
        pass


def test_a_folder_without_a_pack_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="no pack, expected files <group>.<i>-of-<n>.part"), unpacked(tmp_path):
        pass


def test_a_run_stops_at_its_deadline_and_goes_on(tmp_path: Path):
    run = run_of(tmp_path, ("sigma25",), schedule())
    run.deadline = time.monotonic()
    with pytest.raises(Stopped, match="stopped by its deadline after step 1 of 8"):
        run.finish()
    again = run_of(tmp_path, ("sigma25",), schedule())
    assert again.members[0].step == 1
    again.finish()
    assert again.members[0].step == 8

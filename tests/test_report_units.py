"""Small parts of the report: averages of restorations, how weights are described, how curves look."""

from pathlib import Path

from redenoise.commands.convert import of_authors
from redenoise.dag.config import load_config
from stages.report.drawing import look
from stages.report.results import AVERAGE, Measured, averages, restored
from stages.report.weights import IMPORTED, Network, behind, describe

IMPORTED_CARD = of_authors("theirs", "sigma25", [25, 25]) | {"source": {"file": "their.pth"}, "sha256": "0"}
TRAINED = {"schedule": "modern", "steps": 5, "steps_done": 5, "mode": "reference", "restarts": []}


def test_averages_over_degraded_sets_have_a_file_of_their_own():
    values = {
        ("Set5", AVERAGE, "scale=2", "VDSR", "psnr"): 37.53,
        ("Set5", AVERAGE, "scale=10", "VDSR", "psnr"): 30.0,
        ("Set5", "baby", "scale=2", "VDSR", "psnr"): 38.0,
        ("Set12", AVERAGE, "sigma=25", "BM3D", "psnr"): 29.97,
    }
    measured = Measured(values=values, items={}, methods={}, counts={})
    assert restored(measured) == [
        ("Set5", "VDSR", "scale=2", "psnr", "37.5300"),
        ("Set5", "VDSR", "scale=10", "psnr", "30.0000"),
    ]
    assert averages(measured) == [("Set12", "BM3D", 25, "29.9700")]


def test_imported_weights_tell_nothing_of_their_training():
    assert describe(load_config("bench"), IMPORTED_CARD) == IMPORTED
    assert Network("theirs", "sigma25", IMPORTED_CARD).imported
    assert not Network("mine", "sigma25", TRAINED | {"sha256": "0"}).imported


def test_a_released_training_of_other_steps_than_its_schedule_says_so(project: Path):
    config = load_config("bench")
    listed = config.params["schedules"]["modern"]["steps"]
    released = TRAINED | {"sha256": "0"}
    assert f"5 of 5 steps ({listed:,} in params.yaml), mode" in describe(config, released)
    assert "params.yaml" not in describe(config, released | {"steps": listed})
    assert "params.yaml" not in describe(config, TRAINED)  # the scale has set the steps


def test_a_method_of_several_families_names_those_that_differ(project: Path):
    config = load_config("demo")
    config.params["evaluations"]["kodak-tnrd_35"]["method"] = config.params["evaluations"]["kodak-tnrd"]["method"]
    method = config.params["evaluations"]["kodak-tnrd"]["method"]
    records = {f"train-{name}": {"models": {"sigma25": TRAINED, "sigma35": TRAINED}} for name in ("tnrd", "tnrd_35")}
    both = behind(config, records, "Kodak", method)
    assert "tnrd: " in both
    assert "; tnrd_35: schedule modern, 5 of 5 steps" in both
    assert not behind(config, {}, "Kodak", method)


def test_no_two_families_look_alike():
    looks = [repr(look(index)) for index in range(90)]
    assert len(set(looks)) == len(looks)

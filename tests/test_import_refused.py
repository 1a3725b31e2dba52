"""`redenoise import`: what it refuses, what it leaves as it was, and how an imported family is taken back."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redenoise.commands import main as commands
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from tests.import_project import Theirs, take


def changed(state: dict[str, torch.Tensor], name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """A state dict with one other tensor."""
    return {**state, name: tensor}


class Loud:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        """Would make a folder."""
        return os.mkdir, ("executed",)


REFUSED = {
    "absent": (None, (), "x.pth: not found"),
    "text": (lambda state: "text", (), "x.pth: holds a str, expected a state dict"),
    "empty": (lambda state: {}, (), "x.pth: it is empty; expected a state dict"),
    "mixed": (lambda state: {**state, "epoch": 3}, (), "x.pth: 'epoch' is a int; expected a state dict"),
    "whole network": (lambda state: Theirs(), (), r"x.pth: holds the class tests.import_project.Theirs, whose code"),
    "code": (lambda state: Loud(), (), "x.pth: holds .*, whose code it would run; save the state dict alone"),
    "integers": (
        lambda state: changed(state, "dncnn.0.weight", torch.ones(8, 1, 3, 3, dtype=torch.int8)),
        (),
        "'dncnn.0.weight' is of torch.int8, expected floating point",
    ),
    "no numbers": (
        lambda state: changed(state, "dncnn.2.weight", torch.full((8, 8, 3, 3), torch.nan)),
        (),
        "'dncnn.2.weight' has values that are infinite or no numbers",
    ),
    "other size": (
        lambda state: changed(state, "dncnn.2.weight", torch.ones(8, 8, 5, 5)),
        (),
        r"'dncnn.2.weight' is \(8, 8, 5, 5\), expected \(8, 8, 3, 3\), as layers.2.weight of dncnn with channels 1",
    ),
    "no convolution": (
        lambda state: changed(state, "dncnn.9.slope", torch.ones(8)),
        (),
        "'dncnn.9.slope' is of no convolution and no normalisation",
    ),
    "normalisation": (
        lambda state: changed(state, "dncnn.3.running_mean", torch.ones(9)),
        (),
        "'dncnn.3.running_mean' has 9 values, expected 8, one a channel of 'dncnn.2'",
    ),
    "other network": (lambda state: state, ("--network", "ffdnet"), "'dncnn.11' gives 1 channels, expected 4 or 12"),
    "noise predicted": (
        lambda state: {f"intermediate_{name}": tensor for name, tensor in state.items()},
        ("--network", "ffdnet"),
        "FFDNet of IPOL, which predicts the noise",
    ),
    "by name": (
        lambda state: state,
        ("--network", "tnrd"),
        "'dncnn.0.weight' belongs nowhere in tnrd with channels 1; name another --network",
    ),
    "missing": (
        lambda state: {"coefficients": torch.zeros(5, 48, 48)},
        ("--network", "tnrd"),
        "nothing for 'log_steps' of tnrd",
    ),
    "option": (lambda state: state, ("--option", "depht=3"), "dncnn has no such option; .*did you mean 'depth'"),
    "form": (lambda state: state, ("--option", "depth"), "'depth': expected NAME=VALUE"),
    "value": (lambda state: state, ("--network", "tnrd", "--option", "channels=3"), "tnrd: channels 3 and side 7"),
    "bounds": (lambda state: state, ("--option", "depth=1000000000"), "'depth': 1000000000 is greater than"),
    "network": (lambda state: state, ("--network", "dncn"), "--network 'dncn' is not known; .*did you mean 'dncnn'"),
    "prior": (lambda state: state, ("--network", "epll"), "--network 'epll' is not known; allowed: (?!.*epll)"),
    "name": (lambda state: state, ("--name", "Their DnCNN"), "expected lower-case letters"),
    "filter": (lambda state: state, ("--name", "bm3d"), "'bm3d' is that of a filter"),
    "family": (lambda state: state, ("--name", "dncnn_s"), "'dncnn_s' is a family of params.yaml with another network"),
    "data": (lambda state: state, ("--data", "kodak"), "--data 'kodak': no training set of params.yaml; .*train400"),
    "level": (lambda state: state, ("--sigma", 256), "expected whole levels from 0 to 255"),
    "order": (lambda state: state, ("--sigma-range", 55, 0), r"sigma_range' is \[55, 0\]; give the lower level first"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_change_nothing(theirs: Theirs, name: str):
    make, arguments, words = REFUSED[name]
    if make is not None:
        torch.save(make(theirs.state_dict()), "x.pth")
    before = Path("params.yaml").read_bytes()
    with pytest.raises(UserError, match=words):
        take("x.pth", *arguments)
    assert Path("params.yaml").read_bytes() == before
    assert not list(Path("weights").iterdir()) and not Path("executed").exists()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("x.pth", "x.pth: holds more than tensors, or none at all; save the state dict alone"),
        ("x.safetensors", "damaged, or not a safetensors file"),
        ("x.mat", "not a MatConvNet network in a MATLAB 7.3 file .*; get the file again, or name its --network"),
        ("x.caffemodel", "`redenoise convert` reads it"),
        ("x.zip", "expected a name that ends in .safetensors, .mat, .pth"),
    ],
)
def test_files_that_are_none_are_one_line(theirs: Theirs, file: str, words: str):
    Path(file).write_bytes(b"no weights at all")
    with pytest.raises(UserError, match=words):
        take(file)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            '{"network": {"name": "multiscale", "divisor": 0}}',
            "x.safetensors: 'divisor': 0 is less than the",
        ),
        ('{"network": {"name": "dncnn", "depth": 1000000000}}', "x.safetensors: 'depth': 1000000000 is greater than"),
        ('{"network": ' + "[" * 100_000, "x.safetensors: damaged"),
        ("[]", "x.safetensors: damaged"),
        ('{"network": {"name": "dncnn", "depth": 2}}', "x.safetensors: weights do not fit the network"),
    ],
)
def test_files_of_this_project_with_other_contents_are_one_line(theirs: Theirs, spec: str, words: str):
    save_file(theirs.state_dict(), "x.safetensors", {"redenoise": spec})
    with pytest.raises(UserError, match=words):
        take("x.safetensors")


def test_matlab_files_are_read_for_some_networks_only(theirs: Theirs):
    Path("x.mat").write_bytes(b"")
    with pytest.raises(UserError, match="MATLAB files are read for dncnn, .*, not for multiscale; save it as"):
        take("x.mat", network="multiscale")


def test_a_level_is_taken_once_and_what_is_there_is_not_replaced(theirs: Theirs):
    torch.save(theirs.state_dict(), "x.pth")
    path = Path(take("x.pth"))
    before = path.read_bytes(), Path("params.yaml").read_bytes()
    with pytest.raises(UserError, match="the family has weights for sigma25; choose another name"):
        take("x.pth")
    with pytest.raises(UserError, match="the family has weights for sigma25"):
        take("x.pth", "--sigma-range", 0, 55)
    shutil.copy(path, "weights/other-sigma25.safetensors")
    with pytest.raises(UserError, match="weights/other-sigma25.safetensors: there already"):
        take("x.pth", name="other")
    assert (path.read_bytes(), Path("params.yaml").read_bytes()) == before


def no_room(path: Path, text: str) -> None:
    """In place of what writes a file."""
    raise OSError("no room")


def test_what_was_imported_is_taken_back_unless_something_uses_it(theirs: Theirs, monkeypatch: pytest.MonkeyPatch):
    torch.save(theirs.state_dict(), "x.pth")
    before = Path("params.yaml").read_text()
    for sigma in (25, 50):
        take("x.pth", "--sigma", sigma)
    take("x.pth", name="other")
    imported = Path("params.yaml").read_text()
    line = "  set12-theirs: {dataset: set12, family: theirs, pair: set12-train400, method: theirs, sigmas: [25]}\n"
    Path("params.yaml").write_text(imported.replace("\nevaluations:\n", f"\nevaluations:\n{line}"))
    with pytest.raises(UserError, match="--remove 'theirs': evaluations.set12-theirs of params.yaml use it; take"):
        commands.main(["import", "--remove", "theirs"])
    Path("params.yaml").write_text(imported)
    files = {path: path.read_bytes() for path in Path("weights").iterdir()}
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no room"):
        patch.setattr("redenoise.commands.importing.removal.write_text", no_room)
        commands.main(["import", "--remove", "theirs"])
    assert {path: path.read_bytes() for path in Path("weights").iterdir()} == files
    assert Path("params.yaml").read_text() == imported
    commands.main(["import", "--remove", "theirs"])
    assert "theirs" not in load_config().params["families"] and "other" in load_config().params["families"]
    assert {path.name for path in Path("weights").iterdir()} == {"other-sigma25.safetensors", "other-sigma25.json"}
    commands.main(["import", "--remove", "other"])
    assert Path("params.yaml").read_text() == before
    with pytest.raises(UserError, match="no family of that name was imported; none is imported$"):
        commands.main(["import", "--remove", "other"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--remove", "proposed"), "--remove 'proposed': no family of that name was imported"),
        (("--remove", "theirs", "x.pth"), "--remove stands alone, without FILE"),
        (("--network", "dncnn", "--name", "theirs", "--sigma", "25"), "redenoise import: no FILE; give it"),
        (("x.pth", "--network", "dncnn", "--name", "theirs"), "redenoise import: no --sigma or --sigma-range; give it"),
    ],
)
def test_a_command_without_what_it_needs_is_one_line(theirs: Theirs, arguments: tuple[str, ...], words: str):
    with pytest.raises(UserError, match=words):
        commands.main(["import", *arguments])


def test_a_failure_in_the_middle_is_undone(theirs: Theirs, monkeypatch: pytest.MonkeyPatch):
    torch.save(theirs.state_dict(), "x.pth")
    before = Path("params.yaml").read_bytes()
    monkeypatch.setattr("redenoise.commands.importing.command.write_text", no_room)
    with pytest.raises(OSError, match="no room"):
        take("x.pth")
    assert Path("params.yaml").read_bytes() == before and not list(Path("weights").iterdir())


def test_the_card_names_the_file(theirs: Theirs):
    torch.save(theirs.state_dict(), "x.pth")
    card = read_json(Path(take("x.pth")).with_suffix(".json"))
    assert card["source"]["file"] == "x.pth" and card["sigma_range"] == [25, 25] and card["steps"] == 0

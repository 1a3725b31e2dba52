"""Models of torchvision as task networks, and the files of their weights."""

import hashlib
import io
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torch import nn

from redenoise.models import recognizers
from redenoise.models.recognizers import plugin
from redenoise.models.weights import load_network, save_network
from redenoise.sources import torchvision as weights
from redenoise.sources.torchvision import provide, read_state
from redenoise.support.errors import Unavailable, UserError
from tests.download_project import NOWHERE, serving

SMALL = {"name": "plugin", "model": "mobilenet_v3_small", "classes": 3}
SEGMENTER = {"name": "plugin", "model": "lraspp_mobilenet_v3_large", "classes": 4}


def images(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


def normalised(batch: torch.Tensor, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)) -> torch.Tensor:
    return torchvision.transforms.functional.normalize(batch, list(mean), list(std))


@pytest.mark.parametrize("spec", [SMALL, SEGMENTER])
def test_a_model_by_name_gives_what_torchvision_gives(spec):
    network = recognizers.build(spec).eval()
    with torch.inference_mode():
        features, scores = network.run(images(64, 96))
        expected = network.model(normalised(images(64, 96)))
        assert torch.allclose(scores, expected["out"] if isinstance(expected, dict) else expected, atol=1e-5)
        assert torch.equal(network.features(images(64, 96)), features)
        assert torch.equal(network(images(64, 96)), scores)
    segments = spec is SEGMENTER
    assert (network.kind, network.classes) == (("segmentation", 4) if segments else ("classification", 3))
    assert scores.shape == ((2, 4, 64, 96) if segments else (2, 3))
    assert features.shape[2:] == (16, 24)


@pytest.mark.parametrize(
    ("model", "name", "channels"),
    [
        ("resnet50", "layer1", 256),
        ("wide_resnet50_2", "layer1", 256),
        ("vgg16", "features.15", 256),
        ("vgg16_bn", "features.22", 256),
        ("densenet121", "features.denseblock1", 256),
        ("mobilenet_v2", "features.3", 24),
        ("efficientnet_b0", "features.2", 24),
        ("convnext_tiny", "features.1", 96),
        ("mnasnet1_0", "layers.8", 24),
        ("googlenet", "conv3", 192),
        ("deeplabv3_resnet50", "backbone.layer1", 256),
        ("fcn_resnet101", "backbone.layer1", 256),
        ("deeplabv3_mobilenet_v3_large", "backbone.3", 24),
    ],
)
def test_default_features_have_a_quarter_of_the_resolution(model, name, channels):
    with torch.device("meta"):
        network = recognizers.build({"name": "plugin", "model": model})
        assert network.features(torch.rand(1, 3, 64, 96)).shape == (1, channels, 16, 24)
    assert network.feature_name == name


def test_features_by_name_end_the_pass_and_are_not_changed_behind():
    """What follows the first normalisation of a VGG works in place."""
    torch.manual_seed(0)
    network = recognizers.build({"name": "plugin", "model": "vgg11_bn", "classes": 2, "features": "features.1"}).eval()
    with torch.inference_mode():
        features, _ = network.run(images(32, 32))
        assert features.min() < 0
        network.model.features[3].register_forward_hook(lambda *_: pytest.fail("computed"))
        assert torch.equal(network.features(images(32, 32)), features)


def test_the_gradient_reaches_the_images():
    network = recognizers.build(SMALL).eval().requires_grad_(False)
    for part in (0, 1):
        batch = images(64, 64).requires_grad_()
        network.run(batch)[part].square().mean().backward()
        assert batch.grad.abs().max() > 0
    assert not network.model.get_submodule(network.feature_name)._forward_hooks


@pytest.mark.parametrize("model", ["googlenet", "fcn_resnet50"])
def test_models_with_auxiliary_outputs_train_without_them(model):
    with torch.device("meta"):
        network = recognizers.build({"name": "plugin", "model": model, "classes": 5}).train()
        scores = network(torch.rand(2, 3, 96, 96))
    assert scores.shape == ((2, 5) if model == "googlenet" else (2, 5, 96, 96))
    assert not any("aux" in name for name in network.state_dict())


def write_state(folder: Path, state: object, stem: str = "net") -> Path:
    """A file as torchvision names it, with the beginning of its SHA-256."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
    path.write_bytes(buffer.getvalue())
    return path


def publish(monkeypatch, path: Path, classes: int = 3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)) -> None:
    """Let torchvision publish the file at `path` as the weights FIRST of every model."""
    preset = SimpleNamespace(mean=list(mean), std=list(std))
    url, meta = f"{NOWHERE}/models/{path.name}", {"categories": ["x"] * classes}
    first = SimpleNamespace(name="FIRST", url=url, meta=meta, transforms=lambda: preset)
    known = SimpleNamespace(__members__={"FIRST": first})
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda model: known)


@pytest.mark.parametrize("by", ["name", "file"])
def test_published_weights_come_with_their_classes_and_normalisation(project, monkeypatch, by):
    torch.manual_seed(1)
    theirs = torchvision.models.mobilenet_v3_small(num_classes=3).eval()
    path = write_state(Path("data/torchvision"), theirs.state_dict())
    publish(monkeypatch, path)
    chosen = "FIRST" if by == "name" else str(path)
    network = recognizers.build({"name": "plugin", "model": "mobilenet_v3_small", "weights": chosen}).eval()
    expected = theirs(normalised(images(64, 64), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    assert network.classes == 3
    assert torch.allclose(network(images(64, 64)), expected, atol=1e-5)


def test_a_stored_network_needs_no_published_weights(project, monkeypatch):
    path = write_state(Path("data/torchvision"), torchvision.models.mobilenet_v3_small(num_classes=3).state_dict())
    publish(monkeypatch, path)
    spec = {**SMALL, "weights": "FIRST"}
    network = recognizers.build(spec).eval()
    save_network("a.safetensors", network, recognizers.stored_spec(spec), "a test")
    path.unlink()
    loaded, stored = load_network("a.safetensors", build=recognizers.build)
    assert stored["weights"] is None
    assert torch.equal(loaded(images(64, 64)), network(images(64, 64)))


def test_weights_of_other_files_are_taken_with_the_usual_normalisation(project):
    theirs = torchvision.models.mobilenet_v3_small(num_classes=3).eval()
    torch.save(theirs.state_dict(), "mine.pth")
    network = recognizers.build({**SMALL, "weights": "mine.pth"}).eval()
    assert torch.allclose(network(images(64, 64)), theirs(normalised(images(64, 64))), atol=1e-5)


def test_inception_weights_see_the_range_that_they_were_trained_in(project, monkeypatch):
    """torchvision turns one normalisation into another inside these models; here the second comes first."""
    theirs = torchvision.models.googlenet(num_classes=3, transform_input=True, init_weights=False).eval()
    publish(monkeypatch, write_state(Path("data/torchvision"), theirs.state_dict()))
    network = recognizers.build({"name": "plugin", "model": "googlenet", "weights": "FIRST"}).eval()
    with torch.inference_mode():
        assert torch.allclose(network(images(64, 64)), theirs(normalised(images(64, 64))), atol=1e-4)


def test_old_and_auxiliary_names_of_published_states():
    state = {"features.denseblock1.denselayer2.norm.1.weight": 1, "features.norm5.bias": 2}
    assert plugin._current_names("densenet121", state) == {
        "features.denseblock1.denselayer2.norm1.weight": 1,
        "features.norm5.bias": 2,
    }
    assert plugin._current_names("fcn_resnet50", {"aux_classifier.0.weight": 1, "classifier.0.weight": 2}) == {
        "classifier.0.weight": 2
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"model": "resnet5"}, "model 'resnet5' is not known; .*did you mean 'resnet50'.*under tasks in params.yaml"),
        ({"model": "fasterrcnn_resnet50_fpn"}, "is not known"),
        ({"model": "squeezenet1_1"}, "`features` of squeezenet1_1 is missing.*name a submodule, features, classifier"),
        ({"features": "layer9"}, "features 'layer9' is no submodule of mobilenet_v3_small, expected such as features"),
        ({"weights": "IMAGENET1K_V9"}, "weights 'IMAGENET1K_V9' of mobilenet_v3_small are not known.*IMAGENET1K_V1"),
        ({"weights": "none.pth"}, "none.pth: not found"),
        (
            {"classes": 10, "weights": "DEFAULT", "model": "resnet18"},
            "resnet18-f37072fd.pth: not in .*data",
        ),
        ({"depth": 3}, "'plugin': .*'depth'"),
    ],
)
def test_wrong_entries_are_one_line(project, options, found):
    with pytest.raises(UserError, match=found):
        recognizers.build({**SMALL, **options})


def test_weights_of_other_classes_or_models_are_refused(project, monkeypatch):
    path = write_state(Path("data/torchvision"), nn.Linear(2, 2).state_dict())
    publish(monkeypatch, path)
    with pytest.raises(UserError, match="5 classes, but the weights FIRST of mobilenet_v3_small have 3"):
        recognizers.build({**SMALL, "classes": 5, "weights": "FIRST"})
    with pytest.raises(UserError, match=f"{path}: weights do not fit"):
        recognizers.build({**SMALL, "weights": "FIRST"})


@pytest.mark.parametrize(
    ("features", "found"), [("avgpool", None), ("classifier", "2 axes"), ("features.0.2", "used 0 times")]
)
def test_features_must_be_maps(features, found, monkeypatch):
    network = recognizers.build({**SMALL, "features": features}).eval()
    if found is None:
        assert network.features(images(64, 64)).shape == (2, 576, 1, 1)
        return
    if "0 times" in found:
        monkeypatch.setattr(network.model.features[0], "forward", lambda batch: batch[:, :1].repeat(1, 16, 1, 1))
    for call in (network.features, network.run):
        with pytest.raises(UserError, match=f"features '{features}': {found}"):
            call(images(64, 64))


@pytest.fixture
def file(tmp_path) -> Path:
    return write_state(tmp_path / "origin", {"weight": torch.ones(3)})


def test_the_mirror_comes_before_data(project, monkeypatch, file, tmp_path):
    for folder in ("mirror/torchvision", "data/torchvision"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    url = f"{NOWHERE}/{file.name}"
    assert provide(url) == Path("data/torchvision") / file.name
    monkeypatch.setenv("REDENOISE_MIRROR", str(tmp_path / "mirror"))
    assert provide(url) == tmp_path / "mirror/torchvision" / file.name


def test_a_file_that_is_nowhere_is_unavailable(project, monkeypatch, file):
    with pytest.raises(Unavailable, match=f"{file.name}: not in .*data/torchvision; put it there, from http"):
        provide(f"{NOWHERE}/{file.name}")
    monkeypatch.setenv("REDENOISE_MIRROR", ".")
    with pytest.raises(Unavailable, match="not in torchvision or data/torchvision"):
        provide(f"{NOWHERE}/{file.name}")


def test_an_allowed_download_is_resumed_and_kept(project, file):
    data = file.read_bytes()
    with serving({file.name: data}) as origin:
        Path("data/torchvision").mkdir(parents=True)
        Path(f"data/torchvision/.{file.name}.part").write_bytes(data[:100])
        path = provide(f"{origin.url}/{file.name}", fetch=True)
        assert path.read_bytes() == data and [wanted for _, wanted in origin.requests] == ["bytes=100-"]
        provide(f"{origin.url}/{file.name}", fetch=True)
        assert len(origin.requests) == 1
    assert torch.equal(read_state(path)["weight"], torch.ones(3))


def test_a_stale_part_is_fetched_anew_and_a_wrong_file_is_not_kept(project, file):
    Path("data/torchvision").mkdir(parents=True)
    Path(f"data/torchvision/.{file.name}.part").write_bytes(b"other")
    wrong = "net-00000000.pth"
    with serving({file.name: file.read_bytes(), wrong: b"wrong"}) as origin:
        assert provide(f"{origin.url}/{file.name}", fetch=True).read_bytes() == file.read_bytes()
        with pytest.raises(UserError, match=f"{wrong}: SHA-256 begins .*, its name says 00000000; nothing was kept"):
            provide(f"{origin.url}/{wrong}", fetch=True)
    assert [path.name for path in Path("data/torchvision").iterdir()] == [file.name]


def test_files_that_are_not_what_their_name_says_are_refused(project):
    Path("data/torchvision").mkdir(parents=True)
    for name, found in (("net-00000000.pth", "SHA-256 begins"), ("net.pth", "its name does not hold its SHA-256")):
        Path("data/torchvision", name).write_bytes(b"x")
        with pytest.raises(UserError, match=f"data/torchvision/{name}: {found}.*delete it"):
            provide(f"{NOWHERE}/{name}")


class Harm:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "not a readable file of PyTorch"),
        (b"<html>", "not a readable file of PyTorch"),
        (pickle.dumps(Harm(), 2), "not a readable file of PyTorch"),
        ({"weight": Harm()}, "not a readable file of PyTorch"),
        ([torch.ones(2)], "holds no state of a network"),
        ({"state_dict": {"weight": torch.ones(2)}}, "holds no state of a network"),
    ],
)
def test_other_files_are_one_line(project, content, found):
    if isinstance(content, bytes):
        Path("a.pth").write_bytes(content)
    else:
        torch.save(content, "a.pth")
    with pytest.raises(UserError, match=f"a.pth: {found}") as raised:
        read_state("a.pth")
    assert "\n" not in str(raised.value) and not Path("harm").exists()


def test_a_file_is_bounded_before_it_is_read(project, monkeypatch, file):
    monkeypatch.setattr(weights, "MAX_BYTES", 10)
    with pytest.raises(UserError, match="bytes, expected at most 10"):
        read_state(file)

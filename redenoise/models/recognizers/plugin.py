"""Any classifier or segmentation network of torchvision, by its name there.

Source: torchvision.models and torchvision.models.segmentation. A researcher names a model in params.yaml, and nothing
has to be written for it.

Deviations: auxiliary outputs, which serve torchvision's own trainings only, are left out. The images are normalised as
the chosen weights were trained, inside the network; resizing and cropping are the business of whoever feeds it. Models
of detection, video and optical flow are none of the two tasks.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.models import segmentation

from redenoise.models.recognizers.base import TaskNetwork
from redenoise.models.recognizers.trunk import PREPROCESSING
from redenoise.models.weights import load_state
from redenoise.sources.torchvision import checked, entry, entry_of, provide, read_state
from redenoise.support.errors import UserError, choices

STORED = {"weights": None, "fetch": False}  # the stored tensors, means included, replace them
PLACE = "correct its entry under tasks in params.yaml"
# The perceptual features where params.yaml names none: as relu3_3 of VGG-16, the last ones at 1/4 of the resolution.
FEATURES = (
    (r"(deeplabv3|fcn)_resnet.*", "backbone.layer1"),
    (r"(deeplabv3|lraspp)_mobilenet_v3_large", "backbone.3"),
    (r"(resnet|resnext|wide_resnet).*", "layer1"),
    (r"densenet.*", "features.denseblock1"),
    (r"(mobilenet_v2|mobilenet_v3_large)", "features.3"),
    (r"mobilenet_v3_small", "features.1"),
    (r"efficientnet.*", "features.2"),
    (r"convnext.*", "features.1"),
    (r"regnet.*", "trunk_output.block1"),
    (r"mnasnet.*", "layers.8"),
    (r"googlenet", "conv3"),
    (r"inception_v3", "Conv2d_4a_3x3"),
)
# Their published weights expect another range than those of the other models, and their code has auxiliary outputs.
INCEPTIONS = ("googlenet", "inception_v3")
_AUXILIARY = re.compile(r"(aux_classifier|aux1|aux2|AuxLogits)\.")
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


class Plugin(TaskNetwork):
    """A model of torchvision with its normalisation in front.

    The scores of a segmentation model have the size of the images.

    Args:
        model: its name, such as `resnet50` or `fcn_resnet50`.
        weights: None (random), a name of torchvision's, such as `DEFAULT`, or a file that ends in .pth.
        features: the submodule whose output are the perceptual features, channels first; None for that of `FEATURES`.
        classes: number of classes; None for that of the weights, or torchvision's default.
        fetch: whether weights that are nowhere may be downloaded, to data/torchvision/.

    Raises:
        UserError: the model, the weights or the submodule are not known, or the weights are not of this model.
        Unavailable: the weights are nowhere.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        model: str = "resnet50",
        weights: str | None = None,
        features: str | None = None,
        classes: int | None = None,
        fetch: bool = False,
    ) -> None:
        super().__init__()
        self.kind = _kind(model)
        published, path = _source(model, weights, fetch)
        self.classes = _classes(self.kind, model, published, classes)
        self.model = _skeleton(self.kind, model, self.classes)
        if path is not None:
            load_state(self.model, _current_names(model, read_state(path)), path)
        for name, values in zip(("mean", "std"), _normalisation(model, published), strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))
        self.feature_name = features or _default_features(self.model, model)
        _submodule(self.model, model, self.feature_name)

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w) and logits.

        Logits are (N, classes) of a classifier, (N, classes, H, W) of a segmentation model.

        Raises:
            UserError: the features have another number of axes, or the model does not use that submodule.
        """
        found: list[torch.Tensor] = []
        # A copy, since the layer behind may work in place.
        with self._watched(lambda output: found.append(output.clone())):
            scores = self.model((images - self.mean) / self.std)
        self._check(found)
        return found[0], scores["out"] if self.kind == "segmentation" else scores

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Images to features (N, F, h, w); the layers behind are not run. Raises `UserError` like `run`."""
        found: list[torch.Tensor] = []
        with contextlib.suppress(_Reached), self._watched(partial(_end, found)):
            self.model((images - self.mean) / self.std)
        self._check(found)
        return found[0]

    @contextlib.contextmanager
    def _watched(self, seen: Callable[[torch.Tensor], None]) -> Iterator[None]:
        """Call `seen` with every output of the submodule of the features inside the block."""
        module = self.model.get_submodule(self.feature_name)
        handle = module.register_forward_hook(lambda module, inputs, output: seen(output))
        try:
            yield
        finally:
            handle.remove()

    def _check(self, found: list[torch.Tensor]) -> None:
        if len(found) == 1 and found[0].ndim == 4:
            return
        what = f"used {len(found)} times" if len(found) != 1 else f"{found[0].ndim} axes"
        line = f"task network 'plugin': features {self.feature_name!r}: {what}"
        raise UserError(f"{line}, expected a submodule that is used once and gives (N, F, h, w); {PLACE}")


def build(**options: Any) -> Plugin:
    """A `Plugin` with the given options."""
    return Plugin(**options)


class _Reached(Exception):
    """The features are there; what lies behind need not be computed."""


def _end(found: list[torch.Tensor], output: torch.Tensor) -> None:
    found.append(output)
    raise _Reached


def _kind(model: str) -> str:
    kinds = {name: "classification" for name in models.list_models(module=models)}
    kinds |= {name: "segmentation" for name in models.list_models(module=segmentation)}
    if model not in kinds:
        raise UserError(f"task network 'plugin': model {model!r} is not known; {choices(model, kinds)}; {PLACE}")
    return kinds[model]


def _source(model: str, weights: str | None, fetch: bool) -> tuple[models.WeightsEnum | None, Path | None]:
    """What torchvision says of the weights, if it is they, and their file."""
    if weights is None:
        return None, None
    if not weights.endswith(".pth"):
        published = entry(model, weights)
        return published, provide(published.url, fetch)
    published = entry_of(model, weights)
    return published, checked(Path(weights)) if published else Path(weights)


def _classes(kind: str, model: str, published: models.WeightsEnum | None, wanted: int | None) -> int:
    if published is None:
        default = 1000 if kind == "classification" else 21
        return default if wanted is None else wanted
    found = len(published.meta["categories"])
    if wanted not in (None, found):
        line = f"task network 'plugin': {wanted} classes, but the weights {published.name} of {model} have {found}"
        raise UserError(f"{line}; {PLACE}")
    return found


def _skeleton(kind: str, model: str, classes: int) -> nn.Module:
    """The model with random weights, and without auxiliary outputs."""
    options: dict[str, Any] = {"weights_backbone": None} if kind == "segmentation" else {}
    if model in INCEPTIONS:
        options = {"aux_logits": False, "init_weights": True}
    return models.get_model(model, weights=None, num_classes=classes, **options)


def _current_names(model: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A published state without auxiliary outputs; DenseNet's layers were named otherwise when it was published."""
    names = {name: name for name in state if not _AUXILIARY.match(name)}
    if model.startswith("densenet"):
        names = {name: _OLD_DENSENET.sub(r"\1\2", name) for name in names}
    return {new: state[old] for old, new in names.items()}


def _normalisation(model: str, published: models.WeightsEnum | None) -> tuple[tuple, tuple]:
    """Mean and standard deviation by channel that the weights were trained with; ImageNet's where there are none.

    The two Inception models turn ImageNet's normalisation into this one inside, as soon as published weights are used.
    """
    if published is None:
        return PREPROCESSING["torchvision"]
    if model in INCEPTIONS:
        return (0.5,) * 3, (0.5,) * 3
    transforms = published.transforms()
    return tuple(transforms.mean), tuple(transforms.std)


def _default_features(network: nn.Module, model: str) -> str:
    """The submodule of `FEATURES`; in VGG the last ReLU before the third pooling."""
    if model.startswith("vgg"):
        layers = list(network.get_submodule("features").children())
        poolings = [index for index, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        return f"features.{poolings[2] - 1}"
    for pattern, name in FEATURES:
        if re.fullmatch(pattern, model):
            return name
    line = f"task network 'plugin': `features` of {model} is missing, and there is no default for it"
    raise UserError(f"{line}; name a submodule, {_examples(network)}; {PLACE}")


def _submodule(network: nn.Module, model: str, name: str) -> None:
    try:
        network.get_submodule(name)
    except AttributeError:
        line = f"task network 'plugin': features {name!r} is no submodule of {model}"
        raise UserError(f"{line}, expected such as {_examples(network)}; {PLACE}") from None


def _examples(network: nn.Module) -> str:
    return ", ".join(name for name, _ in network.named_children())

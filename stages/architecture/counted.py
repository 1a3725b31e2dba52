"""Networks that no family trains here, whose parameters papers print. They are counted, and restore nothing."""

from torch import nn

from redenoise.models import denoisers


def networks() -> dict[str, nn.Module]:
    """By their names in the results."""
    return {
        "xdncnn_deraining": denoisers.build({"name": "xdncnn", "channels": 3}),
        "derainnet": derainnet(),
    }


def derainnet(channels: int = 3, width: int = 512) -> nn.Sequential:
    """The layers of DerainNet, which sees an image without its smooth part, (N, channels, H, W).

    Source: Fu, Huang, Ding, Liao, Paisley, "Clearing the Skies: A Deep Network Architecture for Single-Image Rain
    Removal", IEEE TIP 2017, section III, and the sizes that Kligvasser et al. 2018, section 4.2, give.

    Deviation: the guided filter that takes the smooth part away, which has no parameters, is not here.
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, 16),
        nn.ReLU(),
        nn.Conv2d(width, width, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(width, channels, 8),
    )

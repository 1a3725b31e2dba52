"""xNet: a ConvNet with xUnits in place of its ReLUs, of any depth and any support of the xUnits.

Source: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function for Efficient Image
Restoration", CVPR 2018, section 3 and figures 3 and 4. The paper does not say what stands between two xUnits. Here it
is the batch normalisation that the authors' xDnCNN has there: with it, and counted as xDnCNN is (without the biases of
convolutions), 4 convolutions and xUnits of 11x11 have exactly the 99,136 parameters of figure 4.
"""

from redenoise.models.denoisers.xdncnn import XDnCNN


class XNet(XDnCNN):
    """An `XDnCNN`, described by the number of its convolutions.

    Args:
        channels: 1 for gray, 3 for colour (RGB).
        depth: number of convolutions, 2 or more; all but the last have an xUnit.
        width: channels of the hidden layers.
        support: side of the xUnits' depth-wise convolutions, odd, in pixels.
    """

    def __init__(self, channels: int = 1, depth: int = 4, width: int = 64, support: int = 9) -> None:
        super().__init__(channels, depth - 1, width, support)


def build(**options: int) -> XNet:
    """An `XNet` with the given options."""
    return XNet(**options)

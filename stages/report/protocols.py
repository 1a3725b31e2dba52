"""What the declarations of several papers have in common: how numbers were taken here, and methods that are missing."""

from stages.report.kinds import Method, Ordering

NOISE = "Noise: white, Gaussian, not clipped and not rounded, one field per image and noise level."
PSNR = "PSNR: result clipped to [0, 255] and rounded, one MSE over all pixels and channels of the whole image."
SSIM = "SSIM: 11x11 Gaussian window of sigma 1.5, valid region, [0, 255] range, as the DnCNN authors compute it."
LUMINANCE = "Only the luminance is restored and measured, as MATLAB's rgb2ycbcr gives it; a gray image is its own."
SCALES = (
    "Input: sides cut to multiples of the scale, luminance in floating point, made smaller and as large again as "
    "MATLAB's imresize does it, bicubic. PSNR and SSIM: result rounded, luminance not, as many pixels as the scale cut "
    "off at every side."
)
SCALES_ROUNDED = "SRCNN is given, and compared with, luminance that is rounded before it is made smaller."
UNROUNDED = "The paper's authors do not round results before they measure them; here they are rounded."
JPEG = (
    "Input: the luminance, rounded, compressed by libjpeg at the quality and decoded; the paper took MATLAB's encoder, "
    "another build of the same. PSNR and SSIM over the whole image."
)
MEAN = "Averages: mean over the images of the set, taken here from the unrounded values of the images."
CBM3D = "BM3D and CBM3D are this project's own, with the parameters of the MATLAB code that the papers ran."
BY_CHANNEL = "TNRD, for gray images, goes channel by channel, as Liu et al. 2018 say they did."
MCWNNM = (
    "MCWNNM has the parameters of its authors' example with synthetic noise; the noise of the channels is independent."
)
COLOR_DNCNN = "Which published DnCNN colour model the paper used is not printed; see notes.md for the comparison."


def above(method: str, *others: str) -> tuple[Ordering, ...]:
    """That a method does better than each of some others."""
    return tuple(Ordering(other, method) for other in others)


def missing(name: str) -> Method:
    """A printed method that no stage measures."""
    return Method(name, reason=f"no implementation in this project yet: {name}")

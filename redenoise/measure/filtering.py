"""Classical denoisers at any noise level, as `redenoise.measure.denoising` wants them."""

from types import ModuleType

from redenoise.measure.denoising import DenoiserFor
from redenoise.models import filters


def filtered(method: ModuleType, parts: dict[str, str]) -> DenoiserFor:
    """From a noise level to a classical method, and to `parts`; without noise an image stays as it is."""
    found = filters.denoiser_for(method, parts)
    return lambda sigma: found(sigma) if sigma else ((lambda noisy: noisy), parts)

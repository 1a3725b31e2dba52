"""What a method that anyone can add gives back, checked before it becomes a result."""

import numpy as np

from redenoise.support.errors import UserError


def checked(image: object, like: np.ndarray, who: str, expected: str) -> np.ndarray:
    """An image that a method has made, if it is a finite floating-point array of the shape of `like`.

    Args:
        who: the method, as the error names it.
        expected: the shape in words.

    Raises:
        UserError: it is something else, or holds a value that is no number.
    """
    if not isinstance(image, np.ndarray):
        found = type(image).__name__
    elif image.shape != like.shape or not np.issubdtype(image.dtype, np.floating):
        found = f"{image.dtype} {image.shape}"
    elif not np.isfinite(image).all():
        found = "values that are not finite"
    else:
        return image
    raise UserError(f"{who} returned {found}, expected float {expected}, on the [0, 255] scale; correct it")

"""Additive white Gaussian noise whose bits depend on nothing but its key.

The field of (data set, image, sigma) comes from the counter-based Philox4x64-10 generator (Salmon et al., SC 2011),
keyed by those three and the global seed. The uniform integers are turned into normal deviates with Wichura's
algorithm AS 241 (Applied Statistics 37, 1988, PPND16), written here with additions, multiplications, divisions and
square roots only: IEEE 754 rounds those the same way everywhere, while `log` and NumPy's own normal sampler may
differ between machines and versions.
"""

import hashlib

import numpy as np

# Coefficients of AS 241: three rational functions, numerator and denominator, lowest power first.
_CENTRAL = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_MIDDLE = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def _ratio(coefficients: tuple, x: np.ndarray) -> np.ndarray:
    """Evaluate a rational function by Horner's rule, one rounding per operation."""
    values = []
    for polynomial in coefficients:
        value = np.full_like(x, polynomial[-1])
        for coefficient in polynomial[-2::-1]:
            value *= x
            value += coefficient
        values.append(value)
    return values[0] / values[1]


def _log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of positive float64 values by the atanh series: no call into the platform's libm."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.7071067811865476
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    exponent = exponent - low
    s = (mantissa - 1.0) / (mantissa + 1.0)  # |s| < 0.1716, so 12 odd terms reach 1e-19
    square = s * s
    series = np.full_like(s, 1.0 / 23.0)
    for odd in range(21, 0, -2):
        series *= square
        series += 1.0 / odd
    return exponent * 0.6931471805599453 + 2.0 * s * series


def standard_normal_quantile(p: np.ndarray) -> np.ndarray:
    """Inverse of the standard normal distribution function.

    Args:
        p: float64 probabilities in (0, 1), any shape.

    Returns:
        float64 deviates of the same shape, relative accuracy about 1e-16 (AS 241, PPND16).
    """
    q = p - 0.5
    result = np.empty_like(q)
    central = np.abs(q) <= 0.425
    inner = q[central]
    result[central] = inner * _ratio(_CENTRAL, 0.180625 - inner * inner)
    outer = ~central
    tail = np.where(q[outer] < 0, p[outer], 1.0 - p[outer])
    r = np.sqrt(-_log(tail))
    magnitude = np.where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_FAR, r - 5.0))
    result[outer] = np.where(q[outer] < 0, -magnitude, magnitude)
    return result


def noise_field(shape: tuple[int, ...], *, seed: int, dataset: str, image: str, sigma: float) -> np.ndarray:
    """Standard normal deviates for one image at one noise level.

    Args:
        shape: (H, W) or (H, W, C).
        seed, dataset, image, sigma: the key. Two calls with the same key give the same bits on any machine.

    Returns:
        float64 array of `shape`, zero mean, unit variance (multiply by sigma).
    """
    text = f"redenoise awgn|{seed}|{dataset}|{image}|{sigma:g}"
    key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype="<u8")
    raw = np.random.Philox(key=key).random_raw(int(np.prod(shape)))
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return standard_normal_quantile(uniform).reshape(shape)


def add_noise(clean: np.ndarray, *, seed: int, dataset: str, image: str, sigma: float) -> np.ndarray:
    """Unclipped AWGN on the [0, 255] scale.

    Args:
        clean: uint8 (H, W) or (H, W, 3).
        sigma: standard deviation on the [0, 255] scale.

    Returns:
        float32 of the same shape; values leave [0, 255] where the noise takes them there.
    """
    field = noise_field(clean.shape, seed=seed, dataset=dataset, image=image, sigma=sigma)
    return (clean.astype(np.float64) + sigma * field).astype(np.float32)

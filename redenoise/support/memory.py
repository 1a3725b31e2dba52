"""Memory that is freed stays with the process."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as glibc numbers them, see `man mallopt`
LARGEST = (TRIM_THRESHOLD, 2**31 - 1), (MMAP_THRESHOLD, 2**25)  # the highest values that glibc takes


def keep_freed() -> None:
    """Have the C library keep what is freed for the next request; without effect where it cannot be told to.

    A training frees and requests the same megabytes at each step. Given back to the system, every page of them comes
    anew and zeroed, which takes a sixth of the time of a step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    for parameter, value in LARGEST:
        mallopt(parameter, value)

"""The kernels of fused.py, in Triton.

Images are matrices here, (rows, channels): channels last in memory, a row for each pixel of each image. Sums over all
rows are taken in `SPLITS` parts of `part` rows each, side by side, and put together by every program that needs them:
no sum depends on which program ends first. Programs are numbered by part or block of rows, then by block of channels.
"""

import triton
import triton.language as tl


@triton.jit
def moments(images, partial, rows, channels, part, SPLITS: tl.constexpr, BLOCK_ROWS: tl.constexpr,
             BLOCK_CHANNELS: tl.constexpr):  # fmt: skip
    """Mean and sum of squared deviations of one part of the rows, for a block of channels."""
    column = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    mean = tl.zeros((BLOCK_CHANNELS,), tl.float32)
    squares = tl.zeros((BLOCK_CHANNELS,), tl.float32)
    first = tl.program_id(0) * part
    for start in range(first, tl.minimum(first + part, rows), BLOCK_ROWS):
        place, inside = _block(start, column, rows, channels, BLOCK_ROWS)
        values = tl.load(images + place, inside, 0.0).to(tl.float32)
        before = (start - first).to(tl.float32)
        count = tl.minimum(rows - start, BLOCK_ROWS).to(tl.float32)
        here = tl.sum(values, 0) / count
        deviation = tl.where(inside, values - here[None, :], 0.0)
        shift = here - mean
        mean += shift * (count / (before + count))
        squares += tl.sum(deviation * deviation, 0) + shift * shift * (before * count / (before + count))
    target = partial + tl.program_id(0) * channels + column
    tl.store(target, mean, column < channels)
    tl.store(target + SPLITS * channels, squares, column < channels)


@triton.jit
def normalise(images, residual, weight, bias, partial, output, saved, running_mean, running_var, rows, channels, part,
               SPLITS: tl.constexpr, eps, momentum, SUMS: tl.constexpr, BLOCK_ROWS: tl.constexpr,
               BLOCK_CHANNELS: tl.constexpr):  # fmt: skip
    """The output of one block; the programs of the first rows also leave the statistics."""
    column = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    known = column < channels
    split = tl.arange(0, SPLITS)[:, None]
    means = tl.load(partial + split * channels + column[None, :], known[None, :], 0.0)
    squares = tl.load(partial + (SPLITS + split) * channels + column[None, :], known[None, :], 0.0)
    counts = tl.minimum(tl.maximum(rows - split * part, 0), part).to(tl.float32)
    mean = tl.sum(means * counts, 0) / rows
    deviation = means - mean[None, :]
    variance = tl.sum(squares + deviation * deviation * counts, 0) / rows
    scale = 1.0 / tl.sqrt(variance + eps)
    if tl.program_id(0) == 0:
        tl.store(saved + column, mean, known)
        tl.store(saved + channels + column, scale, known)
        old = tl.load(running_mean + column, known)
        tl.store(running_mean + column, old + momentum * (mean - old), known)
        old = tl.load(running_var + column, known)
        tl.store(running_var + column, old + momentum * (variance * (rows / (rows - 1.0)) - old), known)
    place, inside = _block(tl.program_id(0) * BLOCK_ROWS, column, rows, channels, BLOCK_ROWS)
    factor = scale * tl.load(weight + column, known, 0.0).to(tl.float32)
    offset = tl.load(bias + column, known, 0.0).to(tl.float32)
    values = (tl.load(images + place, inside, 0.0).to(tl.float32) - mean[None, :]) * factor[None, :] + offset[None, :]
    if SUMS:
        values += tl.load(residual + place, inside, 0.0).to(tl.float32)
    tl.store(output + place, tl.maximum(values, 0.0), inside)


@triton.jit
def gradient_sums(images, output, gradient, saved, partial, rows, channels, part, SPLITS: tl.constexpr,
                   BLOCK_ROWS: tl.constexpr, BLOCK_CHANNELS: tl.constexpr):  # fmt: skip
    """Sums over one part of the rows: of the gradient in front of ReLU, and of its product with what is normalised."""
    column = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    total = tl.zeros((BLOCK_CHANNELS,), tl.float32)
    product = tl.zeros((BLOCK_CHANNELS,), tl.float32)
    first = tl.program_id(0) * part
    for start in range(first, tl.minimum(first + part, rows), BLOCK_ROWS):
        place, inside = _block(start, column, rows, channels, BLOCK_ROWS)
        passed, normalised = _passed(images, output, gradient, saved, place, inside, column, channels)
        total += tl.sum(passed, 0)
        product += tl.sum(passed * normalised, 0)
    target = partial + tl.program_id(0) * channels + column
    tl.store(target, total, column < channels)
    tl.store(target + SPLITS * channels, product, column < channels)


@triton.jit
def gradients(images, output, gradient, saved, weight, partial, before, residual, summed, rows, channels, part,
               SPLITS: tl.constexpr, SUMS: tl.constexpr, BLOCK_ROWS: tl.constexpr,
               BLOCK_CHANNELS: tl.constexpr):  # fmt: skip
    """The gradients of one block of the input and of the residual; the first programs leave those of the parameters."""
    column = tl.program_id(1) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    known = column < channels
    split = tl.arange(0, SPLITS)[:, None]
    total = tl.sum(tl.load(partial + split * channels + column[None, :], known[None, :], 0.0), 0)
    product = tl.sum(tl.load(partial + (SPLITS + split) * channels + column[None, :], known[None, :], 0.0), 0)
    if tl.program_id(0) == 0:
        tl.store(summed + column, total, known)
        tl.store(summed + channels + column, product, known)
    place, inside = _block(tl.program_id(0) * BLOCK_ROWS, column, rows, channels, BLOCK_ROWS)
    passed, normalised = _passed(images, output, gradient, saved, place, inside, column, channels)
    if SUMS:
        tl.store(residual + place, passed, inside)
    factor = tl.load(weight + column, known, 0.0).to(tl.float32) * tl.load(saved + channels + column, known, 0.0)
    common = (total[None, :] + normalised * product[None, :]) / rows
    tl.store(before + place, (passed - common) * factor[None, :], inside)


@triton.jit
def _passed(images, output, gradient, saved, place, inside, column, channels):
    """The gradient in front of ReLU, and the normalised input."""
    mean = tl.load(saved + column, column < channels, 0.0)
    scale = tl.load(saved + channels + column, column < channels, 0.0)
    passes = tl.load(output + place, inside, 0.0) > 0.0
    passed = tl.where(passes, tl.load(gradient + place, inside, 0.0).to(tl.float32), 0.0)
    return passed, (tl.load(images + place, inside, 0.0).to(tl.float32) - mean[None, :]) * scale[None, :]


@triton.jit
def _block(start, column, rows, channels, BLOCK_ROWS: tl.constexpr):
    """Where the values of a block are, and which of them there are."""
    row = start + tl.arange(0, BLOCK_ROWS)
    return row.to(tl.int64)[:, None] * channels + column[None, :], (row < rows)[:, None] & (column < channels)[None, :]

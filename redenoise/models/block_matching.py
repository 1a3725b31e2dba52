"""The blocks of an image that are nearest to its reference blocks: exhaustive search in a window around each.

Distances are sums of squared differences, |a|^2 + |b|^2 - 2 a b, so that most of the work is products of matrices: the
blocks around a tile of reference blocks by those of the tile.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

RADIUS = 19  # of the search window, 39 x 39 positions, in pixels
WINDOW = 2 * RADIUS + 1
TILE = 8  # reference blocks on a side that are matched together
GROUP = 8  # positions in a window that are compared first, to find the nearest faster


class Search:
    """Search in one plane.

    Attributes:
        height, width: numbers of positions of a block.
        rows, columns: positions of the reference blocks along either side; the last position is always one.
    """

    def __init__(self, plane: Tensor, side: int, step: int, count: int) -> None:
        """Prepare the search.

        Args:
            plane: float32 (H, W), at least one block on each side.
            side: of a block, pixels.
            step: from one reference block to the next, pixels.
            count: blocks to find for each reference block.
        """
        self.side, self.step, self.count = side, step, count
        self.height, self.width = (size - side + 1 for size in plane.shape)
        self.rows, self.columns = ([*range(0, size - 1, step), size - 1] for size in (self.height, self.width))
        centred = plane - plane.mean()  # a difference of squares of smaller values is more exact
        norms = avg_pool2d(centred.square()[None], side, 1)[0] * side**2
        self.plane = pad(centred, [RADIUS] * 4)
        self.norms = pad(norms, [RADIUS] * 4, value=torch.inf)  # no block outside the image is near
        index = torch.arange(-(-(WINDOW**2) // GROUP) * GROUP, device=plane.device)  # in a window, filled up to groups
        self.offsets = (index // WINDOW - RADIUS) * self.width + index % WINDOW - RADIUS

    def nearest(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """The blocks that are nearest to the reference blocks of some of the rows, themselves first.

        Returns:
            Positions (reference blocks, count), int64, row * width + column, and their squared distances, ascending;
            where the window holds fewer blocks than `count`, infinite ones follow. The distance of a reference block
            to itself is minus infinity. The order of blocks at equal distance is that of `torch.topk`.
        """
        found = [
            self._tile(tile_rows, tile_columns)
            for tile_rows in self._tiles(rows)
            for tile_columns in self._tiles(self.columns)
        ]
        return torch.cat([positions for positions, _ in found]), torch.cat([distances for _, distances in found])

    def _tiles(self, positions: list[int]) -> Iterator[list[int]]:
        """Parts of at most TILE positions, `step` apart from each other; the last one may be off this grid."""
        uneven = len(positions) > 1 and positions[-1] - positions[-2] != self.step
        even = len(positions) - uneven
        for start in range(0, even, TILE):
            yield positions[start : min(start + TILE, even)]
        if uneven:
            yield positions[-1:]

    def _tile(self, rows: list[int], columns: list[int]) -> tuple[Tensor, Tensor]:
        """As `nearest`, for all reference blocks of these rows and columns."""
        side, step = self.side, self.step
        high, wide = rows[-1] - rows[0] + WINDOW, columns[-1] - columns[0] + WINDOW
        shape = (len(rows), len(columns), WINDOW, WINDOW)
        plane, norms = (image[rows[0] :, columns[0] :] for image in (self.plane, self.norms))
        pixels = plane.as_strided((side, side, high, wide), plane.stride() * 2).reshape(side * side, high, wide)
        own = pixels[:, RADIUS : high - RADIUS : step, RADIUS : wide - RADIUS : step].flatten(1)
        products = own.T @ pixels.flatten(1)  # (B, high * wide)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, of which |a|^2, of the reference block, comes after the choice
        windows = plane.new_full((*shape[:2], len(self.offsets)), torch.inf)
        down, right = norms.stride()
        torch.add(
            norms.as_strided(shape, (step * down, step * right, down, right)),
            products.as_strided(shape, (len(columns) * high * wide + step * wide, high * wide + step, wide, 1)),
            alpha=-2,
            out=windows[..., : WINDOW**2].unflatten(2, (WINDOW, WINDOW)),
        )
        windows[..., WINDOW**2 // 2] = -torch.inf  # the reference block comes first
        distances, index = _smallest(windows.flatten(0, 1), self.count)
        own_positions = torch.tensor(rows)[:, None] * self.width + torch.tensor(columns)
        own_norms = norms[RADIUS : high - RADIUS : step, RADIUS : wide - RADIUS : step].reshape(-1, 1)
        return own_positions.to(index).view(-1, 1) + self.offsets[index], distances + own_norms


def _smallest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The smallest of each row in ascending order and where they are, as `torch.topk`, which takes longer.

    They are among the members of the groups, every `width`th value, whose smallest members are the smallest.
    """
    width = values.shape[1] // GROUP
    groups = values.unflatten(1, (GROUP, width)).amin(1).topk(count, largest=False, sorted=False).indices
    members = torch.arange(0, GROUP * width, width, device=values.device)[:, None] + groups[:, None]
    smallest, index = values.gather(1, members.flatten(1)).topk(count, largest=False)
    return smallest, members.flatten(1).gather(1, index)

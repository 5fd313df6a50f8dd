"""The Gram matrix by blocks of points: its tiles, and its products."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.minimum_norm import theory
from utils.progress import Progress, no_progress

ROWS = 256  # of a tile that are multiplied at once: 4 MiB in float64, which stay in the processor's cache


class GramBlocks:
    """The Gram matrix of points, by blocks of rows of its lower triangle: stored, or computed anew at each use.

    Args:
        points: (n, d).
        blocks: slices that cover the points in order.
        kernel: a name of `theory.KERNELS`.
        bandwidth: in the units of the points.
        stored: whether to keep the n^2 / 2 numbers.
        progress: told how much of the matrix is there.
    """

    def __init__(
        self,
        points: Tensor,
        blocks: list[slice],
        kernel: str,
        bandwidth: float,
        *,
        stored: bool,
        progress: Progress = no_progress,
    ) -> None:
        self.points, self.blocks = points, blocks
        self.kernel, self.bandwidth = theory.KERNELS[kernel], bandwidth
        self.stored: list[Tensor] | None = None
        if stored:
            tiles = []
            for rows, _, tile in self.tiles():
                progress((rows.start / len(points)) ** 2, "Gram matrix")
                tiles.append(tile)
            self.stored = tiles

    def between(self, rows: slice | Tensor, columns: slice | Tensor) -> Tensor:
        """The kernel between two sets of the points, in their precision."""
        return self.kernel(self.points[rows], self.points[columns], self.bandwidth)

    def tiles(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Rows, columns and kernel of every tile of the lower triangle; those on the diagonal are whole."""
        stored = iter(self.stored or ())
        for index, rows in enumerate(self.blocks):
            for columns in self.blocks[: index + 1]:
                yield rows, columns, self.between(rows, columns) if self.stored is None else next(stored)

    def within(self, index: int) -> Tensor:
        """The kernel within block number `index`."""
        if self.stored is not None:
            return self.stored[index * (index + 3) // 2]
        return self.between(self.blocks[index], self.blocks[index])

    def times(self, V: Tensor) -> Tensor:
        """The product K V, (n, k) -> (n, k), both float64."""
        return self._product(V, torch.float64, ROWS)

    def about_times(self, V: Tensor) -> Tensor:
        """The product K V as `times` gives it, but for the rounding of V and of each tile's sums to K's precision.

        In float32 that is some 1e-7 of the numbers summed, and several times quicker: the tiles are read as they are.
        """
        return self._product(V, self.points.dtype, len(V))

    def _product(self, V: Tensor, dtype: torch.dtype, most: int) -> Tensor:
        """The product K V: within a tile in dtype, `most` rows at a time, and over the tiles in float64.

        Each tile serves its place and the mirror image of it.
        """
        # BLAS is quickest with a skinny matrix on the left of a wide one, so everything is transposed.
        given, product = V.T.to(dtype).contiguous(), V.new_zeros(V.shape[1], len(V))
        for rows, columns, tile in self.tiles():
            for start in range(rows.start, rows.stop, most):
                part = slice(start, min(start + most, rows.stop))
                strips = _strips(tile[start - rows.start : part.stop - rows.start].to(dtype))
                across = given[:, columns].expand(len(strips), -1, -1)
                product[:, part] += torch.bmm(across, strips.mT).transpose(0, 1).reshape(-1, part.stop - start)
                if columns != rows:
                    along = given[:, part].reshape(-1, len(strips), strips.shape[1]).transpose(0, 1)
                    product[:, columns] += torch.bmm(along, strips).sum(0)
        return product.T.contiguous()


def _strips(rows: Tensor) -> Tensor:
    """Rows of a tile, (r, m) -> (s, r / s, m): a strip for each of s threads, or one strip.

    A thread then multiplies what it has just converted, or read. Without strips it waits for another thread's cache, and
    the product takes up to twice as long.
    """
    threads = 1 if rows.is_cuda else torch.get_num_threads()
    length = len(rows) // threads if len(rows) % threads == 0 else len(rows)
    return rows.view(-1, length, rows.shape[1])

"""Of many amounts, those that say what fits into any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]
_PRUNED = 4
_SHORT = 256
"""So many shapes are all compared with each amount."""
_FEW = 24
"""Amounts that are sorted faster than pruned."""


def fits_any(shapes: Sequence[Column], amounts: Iterable[Sequence[int]]) -> npt.NDArray[np.bool_]:
    """Of many shapes, dimension by dimension: whether each is within at least one of the amounts."""
    found = np.zeros(len(shapes[0]), bool)
    if len(found) <= _SHORT:
        for cpu, memory, gpu in amounts:
            found |= (shapes[0] <= cpu) & (shapes[1] <= memory) & (shapes[2] <= gpu)
        return found
    left = np.arange(len(found))
    for cpu, memory, gpu in amounts:
        if not len(left):
            break
        fit = (shapes[0][left] <= cpu) & (shapes[1][left] <= memory) & (shapes[2][left] <= gpu)
        found[left[fit]] = True
        left = left[~fit]
    return found


def frontier(amounts: Column) -> Column:
    """Without most of what is not more than another amount in any dimension."""
    kept: list[Column] = []
    scale = np.maximum(1, amounts.max(axis=0, initial=1)).astype(np.float64)
    # The largest ones leave few to sort.
    for _ in range(_PRUNED):
        if len(amounts) <= _FEW:
            break
        best = amounts[(amounts / scale).sum(axis=1).argmax()]
        kept.append(best)
        amounts = amounts[(amounts > best).any(axis=1)]
    # In two dimensions those with more of one than all that have more of the other. Of the third there are few steps.
    for gpu in np.unique(amounts[:, 2]):
        alike = amounts[amounts[:, 2] == gpu]
        alike = alike[np.lexsort((-alike[:, 1], -alike[:, 0]))]
        more = np.ones(len(alike), bool)
        more[1:] = alike[1:, 1] > np.maximum.accumulate(alike[:, 1])[:-1]
        kept += [*alike[more]]
    return np.array(kept, np.int64).reshape(len(kept), 3)

"""Groups of things that are linked to each other, directly or through others (union-find)."""

import numpy as np
from numpy.typing import NDArray


class Links:
    """Joins things numbered 0..count-1 into groups.

    Args:
        count: Number of things.
    """

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, one: int, other: int) -> None:
        """Put two things and their groups into one group."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parent[second] = first

    def root(self, thing: int) -> int:
        """Return the lowest number of a thing's group."""
        while (parent := self._parent[thing]) != thing:
            self._parent[thing] = thing = self._parent[parent]
        return thing

    def roots(self) -> NDArray[np.int64]:
        """Return the lowest number of everything's group, (count,)."""
        return np.array([self.root(thing) for thing in range(len(self._parent))], np.int64)

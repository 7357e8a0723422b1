"""Whole sweeps of real training on real clusters, as a user types them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

"""Ways to run trajectories through a model; see `layout.Packing`."""

from dsk.core.packing.flex import FlexPacking
from dsk.core.packing.layout import DensePacking, Layout, Packing
from dsk.core.packing.suffix import SuffixPacking
from dsk.core.packing.tree import TreeBatch

__all__ = ["DensePacking", "FlexPacking", "Layout", "Packing", "SuffixPacking", "TreeBatch"]

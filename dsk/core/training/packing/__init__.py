"""Ways to run trajectories through a model; see `layout.Packing`."""

from dsk.core.training.packing.flex import FlexPacking
from dsk.core.training.packing.layout import DensePacking, Layout, Packing
from dsk.core.training.packing.suffix import SuffixPacking
from dsk.core.training.packing.tree_batch import TreeBatch

__all__ = ["DensePacking", "FlexPacking", "Layout", "Packing", "SuffixPacking", "TreeBatch"]

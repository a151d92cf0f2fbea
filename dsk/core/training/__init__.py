"""From groups to an updated policy: batches, packing, the optimiser."""

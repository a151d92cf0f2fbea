"""Reading what users write: strict JSON, messages for faults, names from elsewhere."""

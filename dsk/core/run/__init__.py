"""What one run is made of: its session, folder, ledger, records and checkpoints."""

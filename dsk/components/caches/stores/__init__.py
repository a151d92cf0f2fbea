"""What caches are made of: the stores behind them, what an outage leaves, looking after one from outside."""

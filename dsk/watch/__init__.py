"""Runs followed in a browser: a server on loopback only that reads their folders and writes nothing."""

"""Audit of a fleet of hosts against expected-state files. It reports drift and never changes a host."""

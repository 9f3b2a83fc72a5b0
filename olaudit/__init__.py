"""Audits a fleet of hosts against expected-state files and reports the drift. It never changes a host."""

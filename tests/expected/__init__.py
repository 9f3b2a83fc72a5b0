"""Tests of the expected-state files: reading them, merging them, and the ones that are shipped."""

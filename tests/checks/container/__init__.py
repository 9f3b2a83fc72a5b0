"""Tests of the container checks."""

"""Tests of the kinds of checks, one by one."""

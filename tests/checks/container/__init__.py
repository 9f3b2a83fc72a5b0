"""Tests of the kind `container`."""

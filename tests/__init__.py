"""The tests of olaudit; the folders mirror olaudit/."""

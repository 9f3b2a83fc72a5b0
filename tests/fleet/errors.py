"""Errors of the lab itself."""


class LabError(Exception):
    """The lab could not perform a request; never a finding of an audit."""

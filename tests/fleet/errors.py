"""What can go wrong with the lab itself."""


class LabError(Exception):
    """The lab could not do what was asked; never the finding of a test."""

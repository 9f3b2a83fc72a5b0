"""Facts: one module per thing that can be observed on a host, with its probes and total parsers of their answers.

A fact with a parameter, such as a path, is built by a function. `answers.py` has what parsers share.
"""

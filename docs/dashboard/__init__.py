"""Source of the Grafana dashboard, in typed code: `python -m docs.dashboard` writes the shipped JSON.

Each row has a module; `parts.py` has the parts that panels share, `queries.py` the PromQL that panels share.
"""

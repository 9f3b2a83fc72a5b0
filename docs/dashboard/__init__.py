"""The source of the Grafana dashboard, in typed code: `python -m docs.dashboard` writes the JSON that is shipped.

One module per row; `parts.py` has what the panels share, `queries.py` the PromQL that more than one panel asks.
"""

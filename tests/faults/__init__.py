"""The fault matrix: faults of hosts, networks and of the auditor's own machine, and what an audit reports of each."""

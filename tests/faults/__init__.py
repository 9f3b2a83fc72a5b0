"""The fault matrix: faults of hosts, networks and the auditor's machine, and what an audit reports of each."""

"""The fault matrix: faults of hosts, networks and the auditor's machine, and the report that each must cause."""

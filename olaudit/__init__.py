"""olaudit: audits a fleet of hosts against expected-state files and reports the drift. It changes nothing, ever."""

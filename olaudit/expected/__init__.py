"""Expected-state files: YAML to `FleetSpec`, strictly, every error with its file and line."""

"""`olaudit serve`: periodic audits of the fleet, a Prometheus exporter and a live page.

One thread owns all mutable state (`service`). Other threads put events into its queue, and read the last
`Snapshot` that it published. A snapshot is immutable, so a request never waits for the audit of another host.

slots (schedule) -> background (one audit at a time per host) -> fleet_state (answers -> Snapshot)
-> exposition, fleet_exposition, web (HTTP)
file_watch (changes of expected files, web configuration and history) -> service
"""

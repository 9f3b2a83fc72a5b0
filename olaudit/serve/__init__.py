"""`olaudit serve`: the fleet audited all day, and told over HTTP: an exporter for Prometheus, and the live page.

One thread owns all that is known (`service`): others put events into its queue, and read the last `Snapshot` that
it published, which never changes. Nobody who asks waits for anybody else's host.

slots (when) -> asking (one audit at a time per host) -> judging (answers -> Snapshot) -> exposition, web (HTTP)
watching (expected files, configuration that changes) -> service
"""

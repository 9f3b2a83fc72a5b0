"""Simulated fleet: machines in memory behind real SSH servers on the loopback interface.

It serves the demo, fault injection and tests of scale. An audit reaches it as it reaches real hosts. It returns
programmed answers only, so it is no evidence that something works against real programs.

expected files -> build (conforming machines) -> drifts (injected drift) -> machine -> commands, engine ->
server, fleet
"""

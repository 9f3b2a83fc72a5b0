"""Simulated fleet: recorded answers of real hosts behind real SSH servers on the loopback interface.

It serves the demo, fault injection and tests of scale. An audit reaches it as it reaches real hosts. It returns
recorded answers only, so it is no evidence that something works against real programs.

recordings/*.json -> recorded (one host), drifts (edits of its answers) -> engine, server -> listener, fleet
"""

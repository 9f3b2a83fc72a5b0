"""The simulated fleet: machines in memory behind real SSH servers on the loopback interface.

For people without a fleet, for faults on demand, and for scale. It is asked exactly as real hosts are, but it only
says what it was taught to say: it is never evidence that something works against real parts.

expected files -> build (what conforms) -> drifts (what goes wrong) -> machine -> commands, engine -> server, fleet
"""

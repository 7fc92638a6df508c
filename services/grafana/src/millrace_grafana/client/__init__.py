"""What is asked of the running Grafana, in a process and an environment of its own.

What belongs here: whatever needs grafana-client, and nothing else: the standard library, no part of the kit. What does
not: what to ask (`order`, written by `commands`), and how answers look in a terminal.

grafana-client speaks through niquests, which brings urllib3-future; that takes the place of urllib3 in the environment
in which it is installed, and everything else there would speak HTTP through it (ADR 0016).
"""

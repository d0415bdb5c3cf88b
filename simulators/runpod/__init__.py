"""A stand-in for RunPod: the REST v2 control plane, the pod proxy, and pods that really run.

A pod is a group of local processes, or, in light mode, one small engine inside this process.
Start it with ``python -m simulators.runpod --help``; README.md says what is simulated.

Folders: ``wire`` (HTTP routes, the proxy, faults of requests), ``cloud`` (pods, stock, money),
``machine`` (processes), ``light`` (the engine of light mode). ``wire`` knows the others;
``cloud`` knows none of them.
"""

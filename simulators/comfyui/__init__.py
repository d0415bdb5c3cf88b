"""A small engine with ComfyUI's HTTP and websocket wire.

It speaks what ComfyUI 0.3.64 speaks, and really executes the core nodes that need no model
weights, on the CPU with NumPy, OpenCV and PyAV. Graphs with model nodes run in *test card*
mode: the result is the input, dimmed, under the word SIMULATED, so that it can never be taken
for a restoration. Start it with ``python -m simulators.comfyui --help``.

Folders: ``wire`` (HTTP routes and the websocket hub), ``engine`` (queue, executor, validation,
cache, ledger), ``nodes`` (what a graph can be made of). ``wire`` knows ``engine`` and
``engine`` knows ``nodes``, never the other way round.
"""

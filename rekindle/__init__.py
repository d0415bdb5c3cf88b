"""The core every room shares: contracts, errors, rules, ports, settings, tables, adapters, wiring.

What two rooms must agree on belongs here; what only one room needs does not. It knows no room.
Inside, arrows point one way: wiring > adapters > store > models | settings | telemetry > ports >
rules > contracts > errors.
"""

from importlib.metadata import version

__version__ = version("rekindle")

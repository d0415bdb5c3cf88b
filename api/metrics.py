"""What Prometheus is told of this process."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Gauge, Info, PlatformCollector, ProcessCollector

from rekindle.wiring.api import ApiPorts


def registry_of(version: str) -> CollectorRegistry:
    """A registry for one application, with what is known of the process from its beginning."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("rekindle_api", "Which API this is.", registry=registry).info({"version": version})
    return registry


def tell_of_parts(registry: CollectorRegistry, app: FastAPI) -> None:
    """Add what only a running application knows; the values are read when somebody asks."""

    def streams() -> float:
        return float(app.state.events.streams)

    def connections() -> float:
        ports: ApiPorts = app.state.ports
        return ports.database.connections_used

    for name, meaning, value in (
        ("rekindle_event_streams", "Streams of events that are open.", streams),
        ("rekindle_database_connections", "Connections to Postgres that are in use.", connections),
    ):
        Gauge(name, meaning, registry=registry).set_function(value)

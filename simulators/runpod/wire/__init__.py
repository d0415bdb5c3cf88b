"""HTTP: the REST v2 routes, the pod proxy, the control routes, faults of requests."""

"""Embedded services: the real servers (Temporal, Postgres, S3) on one machine, from wheels.

Here belongs what starts a server for `rekindle dev`, `rekindle demo` and the tests, all alike:
free ports, guarded child processes, and one class per server. Here do not belong stand-ins for
vendors (`simulators/`), nor anything about what the servers are used for.

Every service is a synchronous context manager, because starting is waiting for an operating
system process and needs no event loop; from async code use `asyncio.to_thread`. Each keeps its
data in the one folder it is given, and its ports for the life of the object, so that `kill()` and
`start()` continue where it was. `service.running(...)` starts several at once.

What holds a server and its data together:

    your process ──control pipe──> guard ──death signal──> server
         └───────────── lock on the data folder ──────────────┘

The guard ends the server when your process ends, however it ends; the kernel ends the server when
the guard is killed; the lock is free only when the last of the three is gone.
"""

"""The whole of Rekindle on one machine: real servers, stand-ins, API and worker in one folder.

Here belongs what `rekindle dev`, `rekindle demo` and the end-to-end tests start alike: which
processes there are, in which order they start and stop, on which ports, with which settings.
Here does not belong how a single server is run (`deploy/embedded`), nor what a person sees
(`deploy/cli`).

    with running_stack(Path(".rekindle/dev")) as stack:
        print(stack.addresses.api)
        stack.worker.kill()  # a crash
        stack.worker.start()  # the same ports, the same data
"""

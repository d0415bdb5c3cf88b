"""The room `deploy`: how Rekindle runs: the command line, embedded services, images, manifests.

Here belongs everything that starts, supervises or packages the other rooms. It may import all of
them; nothing imports it. Here do not belong decisions, actions, routes or recipes.
"""

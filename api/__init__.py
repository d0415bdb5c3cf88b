"""The door: HTTP routes under `/api/v1`, who may come in, and every error as problem+json.

Here belong routes, request and answer documents, sign-in and ownership checks, and middleware. Jobs
are started by contract through ports; workflows, activities and SQL stay in their own rooms.
"""

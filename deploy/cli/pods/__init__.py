"""The commands `rekindle pods ...`: GPU pods by hand, beside those that the fleet rents.

Here belongs one file for each command, and what launching and waiting mean. Here does not belong
the fleet: its pods are owned by workflows, and these commands leave them alone unless told twice.
"""

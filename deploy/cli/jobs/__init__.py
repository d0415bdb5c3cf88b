"""The commands `rekindle jobs ...`: work that needs an operator's eye.

Here belongs one file for each command. Here does not belong what moves such work on: workflows,
and the sweep.
"""

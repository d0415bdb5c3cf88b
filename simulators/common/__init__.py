"""What stand-ins of different vendors are made of alike: time, journals, faults, serving.

Here belongs what knows no vendor. Here does not belong a vendor's wire, nor anything that only
one stand-in needs.
"""

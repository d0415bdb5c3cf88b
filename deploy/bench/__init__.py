"""`make bench`: how fast the path is on this machine, beside baselines measured in the same run.

Here belongs what measures; what is measured runs as it always does. Times are noisy, ratios of one
run are not, and counts are exact: so every time stands beside its baseline and its number.
"""

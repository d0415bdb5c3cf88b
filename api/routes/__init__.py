"""The routes, one file for each noun. A route checks, calls, and answers; it decides nothing."""

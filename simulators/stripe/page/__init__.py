"""The payment page: HTML that a browser without scripts can use, and its routes."""

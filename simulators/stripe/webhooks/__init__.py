"""Events on their way: signatures, deliveries, retries, and what goes wrong with them."""

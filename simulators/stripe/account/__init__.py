"""What Stripe knows: sessions, payments, refunds, disputes, events, and the rules of money."""

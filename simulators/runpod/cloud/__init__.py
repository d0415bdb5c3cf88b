"""What RunPod keeps: pods and their life, stock, volumes, keys, money. No HTTP, no processes."""

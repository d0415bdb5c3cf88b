"""RunPod: its REST API of version 2, as the account sees it and as a pod sees itself."""

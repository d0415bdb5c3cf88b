"""One file or folder per vendor, each implementing a port. Only `rekindle.wiring` names them."""

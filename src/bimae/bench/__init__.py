"""How fast this machine does what this package does, and how near that is to its limits."""

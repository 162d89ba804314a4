"""Real kernels: recordings of what they did, and how far the simulator agrees with them."""

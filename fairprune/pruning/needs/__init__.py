"""What criteria may look at beside weights, one need a file: computed in a stream over calibration samples, metered."""

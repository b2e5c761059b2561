"""fairprune: fair, standardised benchmarking of neural-network pruning."""

"""The audit: which comparison setups two results reach, and findings about records. Runs no network."""

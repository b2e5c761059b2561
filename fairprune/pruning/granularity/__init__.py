"""What a unit is, per granularity: its groups, its analytic size, its plan; and physical removal."""

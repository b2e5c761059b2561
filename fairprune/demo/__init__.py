"""The study that `fairprune demo` runs."""

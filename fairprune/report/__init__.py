"""Reports: tables and pages from records. Computes nothing about networks."""

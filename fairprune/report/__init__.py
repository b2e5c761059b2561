"""Reports: tables and pages from summaries. Computes nothing about networks, and no statistics."""

"""Published results as data: papers, methods, networks, data sets, results, comparisons, recipes."""

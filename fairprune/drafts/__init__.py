"""Files to start from: a study from a few answers, a paper for the corpus."""

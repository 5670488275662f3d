"""Training periodically: which jobs, when, how, and what a version must reach to be published."""

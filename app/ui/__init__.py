"""The page of the query view: one HTML file, its script and its style; no build step, nothing from elsewhere."""

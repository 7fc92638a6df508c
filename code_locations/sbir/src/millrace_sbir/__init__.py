"""Research awards: extract, validate, enrich, transform, classify, load into a graph."""

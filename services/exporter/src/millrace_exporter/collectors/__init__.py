"""One collector per file; each fills the families that name it in `families`."""

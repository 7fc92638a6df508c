"""Assets and hand-written checks, one module per stage; whatever stands here is loaded."""

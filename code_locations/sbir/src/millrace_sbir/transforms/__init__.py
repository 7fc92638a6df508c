"""What becomes of the rows: pure functions of frames."""

"""Museum collections from any source to published documents: harvest, clean, join, reshape, publish."""

"""Makes the platform's passwords and keys once and hands each service its own."""

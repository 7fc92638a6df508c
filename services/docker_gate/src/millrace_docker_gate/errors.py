"""What the gate refuses."""


class RefusedError(Exception):
    """A request that the gate does not pass on; the text says why."""

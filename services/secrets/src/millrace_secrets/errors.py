"""The one exception of this service; its text is one line for the person at the terminal."""


class SecretsError(Exception):
    """The secrets cannot be made, copied or shown; the text says what to do."""

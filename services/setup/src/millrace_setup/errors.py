"""This service's exceptions; the text of each is one line for the person at the terminal."""


class SetupError(Exception):
    """The stores could not be brought to what the platform expects."""


class PartedVolumesError(SetupError):
    """A store was set up with another master volume than the one that is mounted now."""

    def __init__(self, store: str, refused: str) -> None:
        volume = f"{store}-data"
        super().__init__(
            f"{store}: refuses {refused} (expected: the one that its volume was made with; the volumes "
            f"'secrets-master' and '{volume}' come from different times); restore the volume 'secrets-master' that "
            f"belongs to it, or remove the volume '{volume}' to start with an empty store. Nothing was changed."
        )

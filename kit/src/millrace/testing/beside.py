"""Something that happens over and over beside a test: a reader while a writer is at work."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def repeated(action: Callable[[], None], pause_seconds: float = 0.002) -> Generator[None]:
    """Call `action` again and again in a thread of its own while the block runs.

    Raises:
        Exception: what `action` raised, at the end of the block; it was not called again after that.
    """
    done = threading.Event()
    raised: list[Exception] = []

    def run() -> None:
        try:
            while not done.wait(pause_seconds):
                action()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again in the test's thread
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if raised:
        raise raised[0]

"""Asking a service page by page: no faster than it allows, again where that may help, and never twice for one page.

What belongs here: one page. What does not: which pages there are and what is in them (`sam_api.py`, `patents_api.py`).

Pages lie in a cache by what was asked for. A run that broke off asks for the same pages in the same order, finds those
that it had, and so goes on where it stopped. The key is a header: a URL stands in logs, of ours and of others.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from millrace.errors import ConfigurationError, SourceUnavailableError, SourceUnreadableError, is_transient
from millrace.stores import Store
from millrace_sbir.sources.allowance import DailyAllowance, TokenBucket, UsedUpError
from millrace_sbir.sources.download import Patience
from millrace_sbir.sources.figures import SourceFigures
from millrace_sbir.sources.remote import BusyError, quiet_clients, shown_url, status_error

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

KEY_HEADER = "X-Api-Key"
_DAY_SECONDS = 86_400

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageCache:
    """Pages that came today or yesterday (UTC): what a run that is started again need not ask for.

    Attributes:
        store: Where they lie.
        folder: In it; a folder for each day, whose number since 1970 it has.
        clock: Seconds since 1970.
    """

    store: Store
    folder: str
    clock: Callable[[], float] = time.time

    def get(self, key: str) -> Any | None:
        """A page; None if it is not there, too old, or damaged."""
        for day in (self._today(), self._today() - 1):
            name = self._name(day, key)
            if self.store.has(name):
                try:
                    return orjson.loads(self.store.read(name))
                except (FileNotFoundError, orjson.JSONDecodeError):
                    continue
        return None

    def put(self, key: str, page: Any) -> None:
        """Keep a page."""
        self.store.put(self._name(self._today(), key), orjson.dumps(page))

    def sweep(self) -> None:
        """Remove the pages that are too old."""
        days = {name.partition("/")[0] for name in self.store.files(self.folder)}
        for day in days - {str(self._today()), str(self._today() - 1)}:
            self.store.remove_tree(f"{self.folder}/{day}")

    def _today(self) -> int:
        return int(self.clock() // _DAY_SECONDS)

    def _name(self, day: int, key: str) -> str:
        return f"{self.folder}/{day}/{key}.json"


@dataclass
class Service:
    """A service that is asked page by page.

    Attributes:
        name: For errors and figures: `sam.gov`.
        url: Address that all requests go to.
        key_file: File that holds the key.
        cache: Of its pages.
        rate: How often it may be asked.
        daily: How often in a day; None if that is not limited.
        patience: When it does not answer.
        figures: Of this run.
        timeout_seconds: For an answer to begin, and between its pieces.
    """

    name: str
    url: str
    key_file: Path
    cache: PageCache
    rate: TokenBucket
    daily: DailyAllowance | None = None
    patience: Patience = field(default_factory=Patience)
    figures: SourceFigures = field(default_factory=lambda: SourceFigures(""))
    timeout_seconds: float = 60.0
    _client: "httpx.Client | None" = None

    def __post_init__(self) -> None:
        self.figures.name = self.name

    def page(self, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a page: by GET with parameters, by POST with a body.

        Raises:
            SourceUnavailableError: the service does not answer, again and again, or the day's requests are used up.
            ConfigurationError: it refuses the key, or there is none.
            SourceMissingError, SourceUnreadableError: it knows no such address, cannot make sense of the request.
        """
        asked = orjson.dumps([self.url, params, body], option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(asked).hexdigest()
        page = self.cache.get(key)
        if page is not None:
            self.figures.cached += 1
            return page
        page = self._asked_again(params, body)
        self.cache.put(key, page)
        return page

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _asked_again(self, params: Mapping[str, str] | None, body: Mapping[str, Any] | None) -> Any:
        from tenacity import Retrying, retry_if_exception, wait_random_exponential

        patience = self.patience
        backoff = wait_random_exponential(patience.first_seconds, patience.longest_seconds)

        def stop(state: "RetryCallState") -> bool:
            asked = _asked_wait(state)
            return state.attempt_number >= patience.attempts or (asked or 0.0) > patience.longest_seconds

        def before_sleep(state: "RetryCallState") -> None:
            self.figures.retries += 1
            self.figures.waited_seconds += state.upcoming_sleep
            _log.warning("%s; attempt %d", state.outcome and state.outcome.exception(), state.attempt_number)

        retrying = Retrying(
            retry=retry_if_exception(lambda error: is_transient(error) and not isinstance(error, UsedUpError)),
            wait=lambda state: max(backoff(state), _asked_wait(state) or 0.0),
            stop=stop,
            sleep=patience.sleep,
            before_sleep=before_sleep,
            reraise=True,
        )
        return retrying(self._asked, params, body)

    def _asked(self, params: Mapping[str, str] | None, body: Mapping[str, Any] | None) -> Any:
        """One request."""
        import httpx

        if self.daily is not None:
            self.daily.take(self.name)
        self.figures.waited_seconds += self.rate.take()
        client, address, begun = self._connected(), shown_url(self.url), time.monotonic()
        failure: str | None = None
        try:
            answer = client.get(self.url, params=params) if body is None else client.post(self.url, json=body)
            if answer.status_code != httpx.codes.OK:
                failure = str(answer.status_code)
                raise status_error(address, answer.status_code, answer.headers)
            return orjson.loads(answer.content)
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            failure = type(error).__name__
            raise SourceUnavailableError(address, f"the service does not answer: {failure}") from None
        except httpx.HTTPError as error:
            failure = type(error).__name__
            raise SourceUnreadableError(address, f"cannot be asked: {failure}", next_step="check the address") from None
        except orjson.JSONDecodeError:
            failure = "no JSON"
            raise SourceUnavailableError(address, "the service answers with something that is no JSON") from None
        finally:
            seconds = time.monotonic() - begun
            if failure is None:
                self.figures.answer(seconds)
            else:
                self.figures.failure(failure, seconds)

    def _connected(self) -> "httpx.Client":
        if self._client is None:
            import httpx

            try:
                key = self.key_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                problem = f"{self.key_file} cannot be read: {error.strerror}"
                raise ConfigurationError(self.name, [problem], next_step="put the service's key there") from error
            quiet_clients()
            self._client = httpx.Client(headers={KEY_HEADER: key}, timeout=self.timeout_seconds)
        return self._client


def _asked_wait(state: "RetryCallState") -> float | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error.wait_seconds if isinstance(error, BusyError) else None

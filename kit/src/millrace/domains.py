"""Which domains are installed. Light on purpose: naming a domain must not load it, nor any other.

A domain names itself in its `pyproject.toml`:

    [project.entry-points."millrace.domains"]
    museum = "millrace_museum.definitions:DOMAIN"
"""

from importlib.metadata import EntryPoint, entry_points

from millrace.errors import ConfigurationError

GROUP = "millrace.domains"


def installed_domains() -> dict[str, EntryPoint]:
    """Entry points of the installed domains by name, sorted; `load()` gives the `millrace.location.Domain`."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def definition_modules() -> dict[str, str]:
    """The module that defines each installed domain, by the domain's name."""
    return {name: point.module for name, point in installed_domains().items()}


def installed_domain(name: str) -> EntryPoint:
    """The entry point of one domain.

    Raises:
        ConfigurationError: no such domain is installed; the error lists those that are.
    """
    known = installed_domains()
    if name not in known:
        raise ConfigurationError(
            f"domain {name!r}", ["is not installed"], next_step=f"installed are: {', '.join(known) or 'none'}"
        )
    return known[name]

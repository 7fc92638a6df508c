"""One module per dashboard, each with a function `page`; `domain` makes one for each domain.

What belongs here: what a dashboard shows, and in which order. What does not: how panels look (`panels`).

The order is that of somebody who was called: first what is wrong (numbers on coloured ground), then since when and
where (states over time), then how it came (lines), lists last. A dashboard is added by adding a module.
"""

from importlib import import_module
from pkgutil import iter_modules

from millrace_grafana.page import Page


def fixed_pages() -> list[Page]:
    """Every dashboard that no domain has a part in, by uid."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name != "domain")
    pages = [import_module(f"{__name__}.{name}").page() for name in names]
    return sorted(pages, key=lambda page: page.uid)

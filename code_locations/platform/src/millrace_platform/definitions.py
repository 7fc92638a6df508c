"""The code location `platform`."""

from pathlib import Path

from millrace.location import Domain, build_location
from millrace_platform.settings import PlatformConfig, platform_resources

DOMAIN = Domain(
    name="platform",
    package="millrace_platform",
    root=Path(__file__).parents[2],
    config_model=PlatformConfig,
    resources=platform_resources,
)

defs = build_location(DOMAIN)

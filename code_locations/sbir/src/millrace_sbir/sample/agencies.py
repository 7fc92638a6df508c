"""The agencies that fund the awards: their branches, how they are spelled, and how each numbers its awards.

What belongs here: facts about agencies that the public award file shows. What does not: the awards themselves.
The shares are about those of the file of 2024.
"""

from collections.abc import Callable
from dataclasses import dataclass

Pick = Callable[[], float]


@dataclass(frozen=True)
class Agency:
    """One agency.

    Attributes:
        name: As the file names it mostly.
        spellings: As it names it otherwise.
        branches: Its branches, the most frequent first; empty where the file has none.
        share: Of the awards, 0-1.
        tracking: Makes an agency tracking number of draw, year and serial number.
        contract: Makes a contract number of the same.
    """

    name: str
    spellings: tuple[str, ...]
    branches: tuple[str, ...]
    share: float
    tracking: Callable[[int, int], str]
    contract: Callable[[int, int, int], str]


_DOD_BRANCHES = (
    *("Air Force", "Navy", "Army", "Missile Defense Agency", "Defense Advanced Research Projects Agency"),
    *("Defense Health Agency", "Special Operations Command", "Defense Threat Reduction Agency"),
    *("Defense Logistics Agency", "National Geospatial-Intelligence Agency", "Space Development Agency"),
    *("Chemical and Biological Defense Program", "Defense Microelectronics Activity", "Strategic Capabilities Office"),
)
_DOD_OFFICES = ("FA8650", "N68335", "W911NF", "HQ0860", "W31P4Q", "W81XWH", "H92405", "HDTRA1", "SP4701", "HM0476")

AGENCIES = (
    Agency(
        "Department of Defense",
        ("DOD", "Dept. of Defense", "DEPARTMENT OF DEFENSE"),
        _DOD_BRANCHES,
        0.48,
        lambda year, serial: (
            f"{'FNAH'[serial % 4]}{year % 100:02d}{1 + serial % 3}-{serial // 900 % 999:03d}-{serial:06d}"
        ),
        lambda year, serial, draw: f"{_DOD_OFFICES[draw % 10]}-{year % 100:02d}-{'CP'[draw % 2]}-{serial:06d}",
    ),
    Agency(
        "Department of Health and Human Services",
        ("HHS", "Dept of Health & Human Services"),
        ("National Institutes of Health", "Centers for Disease Control and Prevention", "Food and Drug Administration"),
        0.25,
        lambda _year, serial: f"R{43 + serial % 2}{('EY', 'GM', 'CA', 'AG', 'HL')[serial % 5]}{serial:06d}",
        lambda _year, serial, draw: (
            f"{1 + draw % 2}R{43 + serial % 2}{('EY', 'GM', 'CA', 'AG', 'HL')[serial % 5]}{serial:06d}-0{1 + draw % 2}"
        ),
    ),
    Agency(
        "National Aeronautics and Space Administration",
        ("NASA",),
        (),
        0.09,
        lambda year, serial: f"{year % 100:02d}{serial:06d}",
        lambda year, serial, draw: f"80NSSC{year % 100:02d}{'PC'[draw % 2]}{serial:06d}",
    ),
    Agency(
        "Department of Energy",
        ("DOE", "Dept. of Energy"),
        (),
        0.07,
        lambda _year, serial: f"{serial:010d}",
        lambda _year, serial, _draw: f"DE-SC{serial:07d}",
    ),
    Agency(
        "National Science Foundation",
        ("NSF",),
        (),
        0.06,
        lambda _year, serial: f"{2_000_000 + serial}",
        lambda _year, serial, _draw: f"{2_000_000 + serial}",
    ),
    Agency(
        "Department of Agriculture",
        ("USDA",),
        (),
        0.02,
        lambda year, serial: f"{year}-{serial:06d}",
        lambda year, serial, draw: f"{year}-33{draw % 900 + 100}-{serial:06d}",
    ),
    Agency(
        "Department of Homeland Security",
        ("DHS",),
        ("Science and Technology Directorate", "Countering Weapons of Mass Destruction"),
        0.012,
        lambda year, serial: f"{year % 100:02d}.1-DHS-{serial:06d}",
        lambda year, serial, _draw: f"70RSAT{year % 100:02d}C{serial:06d}",
    ),
    Agency(
        "Department of Transportation",
        ("DOT",),
        ("Federal Highway Administration", "Federal Railroad Administration"),
        0.008,
        lambda year, serial: f"DOT-{year % 100:02d}-{serial:06d}",
        lambda year, serial, _draw: f"6913G6{year % 100:02d}C{serial:06d}",
    ),
    Agency(
        "Environmental Protection Agency",
        ("EPA",),
        (),
        0.004,
        lambda year, serial: f"B{year % 100:02d}1-{serial:06d}",
        lambda year, serial, _draw: f"68HERC{year % 100:02d}C{serial:06d}",
    ),
    Agency(
        "Department of Commerce",
        ("DOC",),
        ("National Institute of Standards and Technology", "National Oceanic and Atmospheric Administration"),
        0.004,
        lambda year, serial: f"{year}-NIST-{serial:06d}",
        lambda year, serial, _draw: f"70NANB{year % 100:02d}H{serial:06d}",
    ),
    Agency(
        "Department of Education",
        ("ED",),
        (),
        0.002,
        lambda year, serial: f"ED-{year % 100:02d}-{serial:06d}",
        lambda year, serial, _draw: f"91990{year % 100:02d}C{serial:06d}",
    ),
)


def agency_by_share(pick: Pick) -> Agency:
    """An agency, as often as it funds."""
    left = pick()
    for agency in AGENCIES:
        left -= agency.share
        if left < 0:
            return agency
    return AGENCIES[0]

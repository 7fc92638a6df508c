"""A neighbourhood as an SVG: the node in the middle, what lies around it on rings, a colour for each label.

What belongs here: places, shapes, words. What does not: which elements are shown (`around`).

Nodes stand on two rings, in the order of their label and of the node that leads to them, so that arrows hardly cross. A
node's text stands outside of it, turned away from the middle, which is what keeps forty of them readable.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from millrace.graph.model import GraphModel
from millrace.graph.reports import Neighbourhood, Seen

# Okabe and Ito's colours, which differ for the colour-blind too, without their yellow and black; then two of Tol's.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255", "#999933")
_INK, _PAPER, _GREY = "#1f2933", "#ffffff", "#8a97a3"
_RADIUS, _CENTRE_RADIUS = 9.0, 20.0
_ARC = 26.0  # between two nodes of a ring
_TEXT_WIDTH = 230.0
_CHARACTERS = 32
_LEGEND_HEIGHT = 34.0
_TITLE_HEIGHT = 52.0
_Place = tuple[str, object]


@dataclass(frozen=True)
class _Spot:
    x: float
    y: float
    angle: float
    radius: float


def draw(model: GraphModel, seen: Neighbourhood) -> str:
    """Draw a neighbourhood.

    Returns:
        An SVG with a white background, of about 700 to 1,500 pixels each way.
    """
    colours = {node.label: _COLOURS[place % len(_COLOURS)] for place, node in enumerate(model.nodes)}
    spots, outer = _spots(model, seen)
    half = outer + _TEXT_WIDTH
    height = 2 * half + _TITLE_HEIGHT + _LEGEND_HEIGHT
    shown = [node.label for node in model.nodes if any(one.label == node.label for one in seen.nodes)]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * half:.0f}" height="{height:.0f}" '
        f'viewBox="{-half:.1f} {-half - _TITLE_HEIGHT:.1f} {2 * half:.1f} {height:.1f}" '
        'font-family="DejaVu Sans, Verdana, Arial, sans-serif" role="img">',
        f"<title>{escape(f'{seen.centre.label} {seen.centre.title} and what lies around it')}</title>",
        f'<rect x="{-half:.1f}" y="{-half - _TITLE_HEIGHT:.1f}" width="{2 * half:.1f}" height="{height:.1f}" '
        f'fill="{_PAPER}"/>',
        *_arrows(seen, spots),
        *_nodes(seen, spots, colours),
        *_heading(seen, half),
        *_legend(shown, colours, half),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _spots(model: GraphModel, seen: Neighbourhood) -> tuple[dict[_Place, _Spot], float]:
    """Where each node stands, and the radius of the outer ring."""
    order = {node.label: place for place, node in enumerate(model.nodes)}
    centre = _place(seen.centre)
    neighbours: dict[_Place, list[_Place]] = {}
    for arrow in seen.arrows:
        neighbours.setdefault(arrow.start, []).append(arrow.end)
        neighbours.setdefault(arrow.end, []).append(arrow.start)
    near = set(neighbours.get(centre, ())) - {centre}
    inner = sorted(
        (_place(one) for one in seen.nodes if _place(one) in near), key=lambda one: (order[one[0]], str(one[1]))
    )
    rank = {one: place for place, one in enumerate(inner)}
    far = [_place(one) for one in seen.nodes if _place(one) not in near and _place(one) != centre]
    parent = {one: min((rank[two] for two in neighbours.get(one, ()) if two in rank), default=0) for one in far}
    far.sort(key=lambda one: (parent[one], order[one[0]], str(one[1])))
    inner_radius = max(150.0, len(inner) * _ARC / math.tau)
    outer_radius = max(inner_radius + 170, len(far) * _ARC / math.tau) if far else inner_radius
    spots = {centre: _Spot(0, 0, 0, _CENTRE_RADIUS)}
    if far:  # a node of the inner ring stands in front of those that it leads to
        angles = _angles(far, parent, len(inner))
        weights = [[angles[one] for one in far if parent[one] == place] for place in range(len(inner))]
        inner_angles = _spread([sum(mine) / len(mine) if mine else None for mine in weights])
    else:
        angles = {}
        inner_angles = [math.tau * (place + 0.5) / max(len(inner), 1) - math.pi / 2 for place in range(len(inner))]
    for one, angle in zip(inner, inner_angles, strict=True):
        spots[one] = _spot(angle, inner_radius)
    for one, angle in angles.items():
        spots[one] = _spot(angle, outer_radius)
    return spots, outer_radius


def _angles(far: list[_Place], parent: dict[_Place, int], count: int) -> dict[_Place, float]:
    """Slots on the outer ring, in the order of the parents; a parent without children has one that stays empty."""
    slots: list[_Place | None] = []
    for place in range(max(count, 1)):
        slots += [one for one in far if parent[one] == place] or [None]
    return {
        one: math.tau * (number + 0.5) / len(slots) - math.pi / 2 for number, one in enumerate(slots) if one is not None
    }


def _spread(wanted: list[float | None]) -> list[float]:
    """Angles of the inner ring: in order, near those that are wanted, never closer than an even share of half of it."""
    count = len(wanted)
    even = [math.tau * (place + 0.5) / count - math.pi / 2 for place in range(count)]
    least = math.tau / count / 2
    angles: list[float] = []
    for place, angle in enumerate(wanted):
        chosen = even[place] if angle is None else (angle + even[place]) / 2
        angles.append(max(chosen, angles[-1] + least) if angles else chosen)
    return angles


def _spot(angle: float, radius: float) -> _Spot:
    return _Spot(radius * math.cos(angle), radius * math.sin(angle), angle, _RADIUS)


def _arrows(seen: Neighbourhood, spots: dict[_Place, _Spot]) -> Iterator[str]:
    yield (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0,0.8 L7.5,4 L0,7.2 z" fill="{_GREY}"/></marker></defs>'
    )
    named: dict[tuple[str, str], int] = {}
    for arrow in seen.arrows:
        start, end = spots[arrow.start], spots[arrow.end]
        length = math.hypot(end.x - start.x, end.y - start.y)
        if length == 0:
            continue
        ux, uy = (end.x - start.x) / length, (end.y - start.y) / length
        x1, y1 = start.x + ux * start.radius, start.y + uy * start.radius
        x2, y2 = end.x - ux * (end.radius + 2), end.y - uy * (end.radius + 2)
        yield (
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_GREY}" stroke-width="1.1" '
            f'marker-end="url(#tip)"><title>{escape(arrow.type)}</title></line>'
        )
        # One name for each bundle of arrows of a type from, or to, the same node.
        many = {(arrow.type, str(arrow.start)), (arrow.type, str(arrow.end))}
        if not any(named.get(one) for one in many):
            named.update(dict.fromkeys(many, 1))
            yield from _name(arrow.type, (x1 + x2) / 2, (y1 + y2) / 2, math.degrees(math.atan2(uy, ux)))


def _name(text: str, x: float, y: float, degrees: float) -> Iterator[str]:
    turned = degrees + 180 if abs(degrees) > 90 else degrees
    yield (
        f'<text x="{x:.1f}" y="{y:.1f}" dy="-3" transform="rotate({turned:.1f} {x:.1f} {y:.1f})" font-size="9.5" '
        f'text-anchor="middle" fill="{_INK}" stroke="{_PAPER}" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )


def _nodes(seen: Neighbourhood, spots: dict[_Place, _Spot], colours: dict[str, str]) -> Iterator[str]:
    for one in seen.nodes:
        spot = spots[_place(one)]
        full = escape(f"{one.label} {one.key}: {one.title}")
        yield (
            f'<circle cx="{spot.x:.1f}" cy="{spot.y:.1f}" r="{spot.radius:.0f}" fill="{colours[one.label]}" '
            f'stroke="{_PAPER}" stroke-width="1.5"><title>{full}</title></circle>'
        )
        if one == seen.centre:
            continue
        is_left = math.cos(spot.angle) < 0
        degrees = math.degrees(spot.angle) + (180 if is_left else 0)
        x = spot.x + math.cos(spot.angle) * (spot.radius + 5)
        y = spot.y + math.sin(spot.angle) * (spot.radius + 5)
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" transform="rotate({degrees:.1f} {x:.1f} {y:.1f})" '
            f'font-size="12" text-anchor="{"end" if is_left else "start"}" fill="{_INK}" stroke="{_PAPER}" '
            f'stroke-width="3" paint-order="stroke">{escape(_cut(one.title, _CHARACTERS))}</text>'
        )


def _heading(seen: Neighbourhood, half: float) -> Iterator[str]:
    top = -half - _TITLE_HEIGHT
    count = len(seen.nodes) - 1
    around = f"{count} {'node' if count == 1 else 'nodes'} around it" + (", there are more" if seen.is_cut else "")
    yield (
        f'<text x="{-half + 20:.1f}" y="{top + 32:.1f}" font-size="20" font-weight="bold" fill="{_INK}">'
        f"{escape(_cut(seen.centre.title, 64))}</text>"
    )
    yield (
        f'<text x="{-half + 20:.1f}" y="{top + 54:.1f}" font-size="13" fill="{_INK}">'
        f"{escape(f'{seen.centre.label} {_cut(str(seen.centre.key), 40)}, {around}')}</text>"
    )


def _legend(labels: list[str], colours: dict[str, str], half: float) -> Iterator[str]:
    x, y = -half + 26, half + _LEGEND_HEIGHT / 2 - 6
    for label in labels:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{colours[label]}"/>'
        yield f'<text x="{x + 13:.1f}" y="{y:.1f}" dy="0.35em" font-size="13" fill="{_INK}">{escape(label)}</text>'
        x += 34 + 8.5 * len(label)


def _place(one: Seen) -> _Place:
    return (one.label, one.key)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"

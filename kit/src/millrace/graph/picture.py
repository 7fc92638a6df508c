"""A neighbourhood as an SVG: the node in the middle, its neighbours as cards beside it, theirs further out.

What belongs here: places, shapes, words. What does not: which elements are shown (`around`).

Cards stand in columns, since text that lies flat can be read: on a circle, forty names are turned every way and arrows
run through them. A group of cards has one heading with its relationship, in place of a name on each arrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from millrace.graph.model import GraphModel
from millrace.graph.reports import Arrow, Neighbourhood, Seen

# Okabe and Ito's colours, which differ for the colour-blind too, without their yellow and black; then two of Tol's.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255", "#999933")
_INK, _PAPER, _CARD, _GREY = "#1f2933", "#ffffff", "#f4f6f8", "#5b6770"
_WIDTH, _HEIGHT, _PITCH = 252.0, 21.0, 26.0  # of a card, and from one to the next
_CENTRE_WIDTH, _CENTRE_HEIGHT = 262.0, 38.0
_GAP = 130.0  # between columns, for the arrows
_HEADING = 30.0  # of a group
_MARGIN, _TOP, _BOTTOM = 24.0, 62.0, 52.0
_CHARACTERS = 32
_Place = tuple[str, object]


@dataclass(frozen=True)
class _Card:
    """Where a card stands: its middle, its width, and the side of the centre (-1, 0, 1)."""

    seen: Seen
    x: float
    y: float
    width: float
    side: int


@dataclass(frozen=True)
class _Group:
    """Cards of one label that hang on the column before by the same relationships."""

    label: str
    heading: str
    members: tuple[Seen, ...]

    @property
    def height(self) -> float:
        return _HEADING + len(self.members) * _PITCH


def draw(model: GraphModel, seen: Neighbourhood) -> str:
    """Draw a neighbourhood.

    Returns:
        An SVG with a white background; its height follows the number of nodes.
    """
    colours = {node.label: _COLOURS[place % len(_COLOURS)] for place, node in enumerate(model.nodes)}
    cards, headings = _layout(model, seen)
    left = min(card.x - card.width / 2 for card in cards.values()) - _MARGIN
    width = max(card.x + card.width / 2 for card in cards.values()) + _MARGIN - left
    width = max(width, 560.0)
    reach = max(abs(card.y) for card in cards.values()) + _PITCH
    top = -reach - _TOP - _HEADING
    height = 2 * reach + _TOP + _HEADING + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}" '
        'font-family="DejaVu Sans, Verdana, Arial, sans-serif" role="img">',
        f"<title>{escape(f'{seen.centre.label} {seen.centre.title} and what lies around it')}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{_PAPER}"/>',
        *_tips(colours),
        *(line for arrow in seen.arrows for line in _arrow(arrow, cards, colours)),
        *(_text(x, y, text, size=11, colour=_GREY) for x, y, text in headings),
        *(line for card in cards.values() for line in _card(card, colours[card.seen.label])),
        *_heading(seen, left + _MARGIN, top),
        *_legend([node.label for node in model.nodes], cards, colours, left + _MARGIN, reach + _BOTTOM - 22),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _layout(model: GraphModel, seen: Neighbourhood) -> tuple[dict[_Place, _Card], list[tuple[float, float, str]]]:
    """Where each card stands, and the headings of the groups with theirs."""
    centre = _place(seen.centre)
    neighbours: dict[_Place, set[_Place]] = {_place(one): set() for one in seen.nodes}
    for arrow in seen.arrows:
        neighbours[arrow.start].add(arrow.end)
        neighbours[arrow.end].add(arrow.start)
    near = {_place(one) for one in seen.nodes if centre in neighbours[_place(one)]} - {centre}
    cards = {centre: _Card(seen.centre, 0, 0, _CENTRE_WIDTH, 0)}
    headings: list[tuple[float, float, str]] = []
    inner = _groups(model, seen, near, {centre})
    for side, groups in zip((1, -1), _balanced(inner), strict=True):
        x = side * (_CENTRE_WIDTH / 2 + _GAP + _WIDTH / 2)
        _column(groups, x, side, cards, headings)
    far = {_place(one) for one in seen.nodes} - near - {centre}
    for side in (1, -1):
        mine = {one for one in far if _side(neighbours[one], cards) == side}
        heights = {
            one: _mean([cards[two].y for two in neighbours[one] if two in cards and cards[two].side == side])
            for one in mine
        }
        groups = _groups(model, seen, mine, near)
        groups.sort(key=lambda group: _mean([heights[_place(one)] for one in group.members]))
        ordered = [
            _Group(group.label, group.heading, tuple(sorted(group.members, key=lambda one: heights[_place(one)])))
            for group in groups
        ]
        x = side * (_CENTRE_WIDTH / 2 + 2 * _GAP + 1.5 * _WIDTH)
        _column(ordered, x, side, cards, headings)
    return cards, headings


def _groups(model: GraphModel, seen: Neighbourhood, members: set[_Place], before: set[_Place]) -> list[_Group]:
    """Members by label, in the model's order, each with the types that bind them to the column before."""
    groups = []
    for node in model.nodes:
        mine = [one for one in seen.nodes if one.label == node.label and _place(one) in members]
        if not mine:
            continue
        places = {_place(one) for one in mine}
        types = {
            arrow.type
            for arrow in seen.arrows
            if (arrow.start in places and arrow.end in before) or (arrow.end in places and arrow.start in before)
        }
        heading = f"{node.label} ({len(mine)}), {', '.join(sorted(types))}"
        groups.append(_Group(node.label, heading, tuple(sorted(mine, key=lambda one: (one.title, str(one.key))))))
    return groups


def _balanced(groups: list[_Group]) -> tuple[list[_Group], list[_Group]]:
    """Groups on the right and on the left, about as many cards on either side."""
    right: list[_Group] = []
    left: list[_Group] = []
    for group in sorted(groups, key=lambda one: -one.height):
        side = right if sum(one.height for one in right) <= sum(one.height for one in left) else left
        side.append(group)
    return right, left


def _column(
    groups: list[_Group], x: float, side: int, cards: dict[_Place, _Card], headings: list[tuple[float, float, str]]
) -> None:
    y = -sum(group.height for group in groups) / 2
    for group in groups:
        headings.append((x - _WIDTH / 2, y + _HEADING - 10, group.heading))
        y += _HEADING
        for one in group.members:
            cards[_place(one)] = _Card(one, x, y + _PITCH / 2, _WIDTH, side)
            y += _PITCH


def _side(places: set[_Place], cards: dict[_Place, _Card]) -> int:
    return 1 if sum(cards[one].side for one in places if one in cards) >= 0 else -1


def _arrow(arrow: Arrow, cards: dict[_Place, _Card], colours: dict[str, str]) -> Iterator[str]:
    start, end = cards[arrow.start], cards[arrow.end]
    outer = start if abs(start.x) > abs(end.x) else end
    if start.x == end.x:  # in one column: around its outer edge
        x1 = x2 = start.x + (start.side or 1) * start.width / 2
        bend = (start.side or 1) * 55.0
        c1, c2 = x1 + bend, x2 + bend
    else:
        towards = 1 if end.x > start.x else -1
        x1, x2 = start.x + towards * start.width / 2, end.x - towards * end.width / 2
        c1, c2 = x1 + (x2 - x1) * 0.45, x2 - (x2 - x1) * 0.45
    yield (
        f'<path d="M{x1:.1f},{start.y:.1f} C{c1:.1f},{start.y:.1f} {c2:.1f},{end.y:.1f} {x2:.1f},{end.y:.1f}" '
        f'fill="none" stroke="{colours[outer.seen.label]}" stroke-opacity="0.55" stroke-width="1.2" '
        f'marker-end="url(#tip-{outer.seen.label})"><title>{escape(arrow.type)}</title></path>'
    )


def _card(card: _Card, colour: str) -> Iterator[str]:
    is_centre = card.side == 0
    height = _CENTRE_HEIGHT if is_centre else _HEIGHT
    x, y = card.x - card.width / 2, card.y - height / 2
    full = escape(f"{card.seen.label} {card.seen.key}: {card.seen.title}")
    fill = colour if is_centre else _CARD
    yield (
        f'<g><title>{full}</title><rect x="{x:.1f}" y="{y:.1f}" width="{card.width:.0f}" height="{height:.0f}" '
        f'rx="4" fill="{fill}" stroke="{colour}" stroke-width="0.8"/>'
    )
    if is_centre:
        text = escape(_cut(card.seen.title, 28))
        yield (
            f'<text x="{card.x:.1f}" y="{card.y:.1f}" dy="0.35em" font-size="13" font-weight="bold" '
            f'text-anchor="middle" fill="{_PAPER}">{text}</text>'
        )
    else:
        yield f'<rect x="{x:.1f}" y="{y:.1f}" width="5" height="{height:.0f}" rx="2" fill="{colour}"/>'
        yield _text(x + 11, card.y, _cut(card.seen.title, _CHARACTERS), size=11.5)
    yield "</g>"


def _heading(seen: Neighbourhood, x: float, top: float) -> Iterator[str]:
    count = len(seen.nodes) - 1
    around = f"{count} {'node' if count == 1 else 'nodes'} around it" + (", and there are more" if seen.is_cut else "")
    yield (
        f'<text x="{x:.1f}" y="{top + 32:.1f}" font-size="19" font-weight="bold" fill="{_INK}">'
        f"{escape(_cut(seen.centre.title, 48))}</text>"
    )
    yield _text(x, top + 52, f"{seen.centre.label} {_cut(str(seen.centre.key), 36)}: {around}", size=12.5, colour=_GREY)


def _legend(
    labels: list[str], cards: dict[_Place, _Card], colours: dict[str, str], x: float, y: float
) -> Iterator[str]:
    shown = {label for label, _ in cards}
    for label in labels:
        if label in shown:
            yield f'<rect x="{x:.1f}" y="{y - 6:.1f}" width="12" height="12" rx="2" fill="{colours[label]}"/>'
            yield _text(x + 18, y, label, size=12)
            x += 40 + 7.6 * len(label)


def _tips(colours: dict[str, str]) -> Iterator[str]:
    for label, colour in colours.items():
        yield (
            f'<defs><marker id="tip-{label}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6.5" markerHeight="6.5" '
            f'orient="auto"><path d="M0,0.8 L7.5,4 L0,7.2 z" fill="{colour}"/></marker></defs>'
        )


def _text(x: float, y: float, text: str, *, size: float, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _place(one: Seen) -> _Place:
    return (one.label, one.key)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"

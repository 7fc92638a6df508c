"""Titles and abstracts: made of the vocabulary of the area that they are truly about, among words that say nothing.

What belongs here: sentences. What does not: which award has which area (`awards.py`) and the words (`vocabulary.yaml`).

An abstract has about 1.5 kB in the mean, as those of the public file. One in four of an area's avoids every word that
a layman would look for; every third one without an area holds a sentence that sounds like one.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

Pick = Callable[[], float]
Sentence = tuple[str, str]  # what stands before and after the phrase

_QUIET = 0.25  # abstracts of an area in its jargon only
_TEMPTING = 0.35  # abstracts of no area with a sentence that sounds like one
_TEMPTING_ELSEWHERE = 0.06  # abstracts of an area with a sentence that sounds like another


def _sentences(*texts: str) -> tuple[Sentence, ...]:
    return tuple((before, after) for before, _, after in (text.partition("{}") for text in texts))


_OPENINGS = (
    "Operators in the field lack a dependable answer to a problem that has grown with every budget cycle.",
    "The solicitation asks for a step change over what is fielded today, at a price that a program office can carry.",
    "Current practice depends on equipment that is heavy, costly to maintain, and no longer supported by its vendors.",
    "End users have told us, in more than thirty interviews, that present options fail when they are needed most.",
    "Over the past decade demand has outgrown the installed base, and incremental improvements no longer suffice.",
    "Existing approaches were designed for a different mission and have been stretched beyond their limits.",
    "This project addresses a critical gap identified by the sponsor and by an independent review panel.",
    "A growing body of evidence shows that the status quo is neither affordable nor sustainable.",
)
_PROPOSALS = _sentences(
    "To meet this need, {firm} proposes to develop {}, building on work that began when the firm was founded.",
    "{firm} proposes {} that can be retrofitted within existing interfaces and without changes to procedures.",
    "In response, {firm} and its partners will design, build and test {}.",
    "The innovation is {}, sized for the sponsor's application and for two adjacent markets.",
    "This Small Business Innovation Research project will demonstrate {}.",
    "Our team has invented {}, for which a provisional application has been filed.",
    "The overall objective of this effort is {} that can move into low-rate production within three years.",
)
_METHODS = _sentences(
    "In Phase I the team will {}, with a go/no-go decision at month four.",
    "The work plan has five tasks; the most demanding is to {}.",
    "First, we will {}; results will be reviewed with the technical point of contact.",
    "Building on preliminary data, we will {} under conditions that the sponsor has specified.",
    "Phase II will {}, and will deliver two prototypes for evaluation at a government site.",
    "A university partner will {}, while the firm concentrates on integration.",
)
_GAINS = _sentences(
    "Success is defined as {}, verified by an independent laboratory.",
    "Preliminary tests have shown {}, which exceeds the threshold in the solicitation.",
    "The goal is {}, against a baseline that was measured in the previous effort.",
    "We project {} at the end of the option period.",
)
_JARGON = _sentences(
    "At its core is {}, which the principal investigator has worked on for years.",
    "The design rests on {} and on a careful budget of size, weight and power.",
    "What sets this apart from earlier attempts is {}.",
    "The key element, {}, has reached technology readiness level 4.",
)
_FILLERS = (
    "The effort draws on a multidisciplinary team with a record of transitioning research into programs of record.",
    "Risk is reduced by reusing components that were qualified under earlier contracts.",
    "A detailed cost model will be delivered together with the final report.",
    "The firm's facilities include a laboratory of 12,000 square feet and a machine shop.",
    "Letters of support from three prime contractors accompany the proposal.",
    "All data will be managed under a plan that was approved by the sponsor.",
    "Requirements will be refined in monthly reviews with stakeholders, and documented in an interface description.",
    "The schedule allows for two design iterations before the critical review.",
    "Results of the base period will be summarized in a report that compares alternatives.",
    'The principal investigator calls this "the missing piece" and has published on it.',
    "Trade studies will consider performance, reliability, logistics and total cost of ownership.",
    "The approach is scalable, modular, and compatible with open standards.",
    "Where measured data are not available, conservative estimates will be used.",
    "Team members have managed more than forty contracts of similar size without a stop-work order.",
)
_MARKETS = (
    "Commercial applications include utilities, first responders, and manufacturers.",
    "Beyond the sponsor, the product will be offered to hospitals, municipalities and exporters.",
    "Anticipated benefits are lower life-cycle cost, shorter downtime, and fewer injuries.",
    "The firm has signed a letter of intent with a manufacturer that will license the result in its field of use.",
    "Benefits to the public include safer workplaces and better use of taxpayers' money.",
    "A spin-off has been formed to serve civilian customers, with seed funding from a regional investor.",
    "Potential customers have been interviewed under the I-Corps program, and a pricing model exists.",
)
_NOTES = (
    "",
    "",
    "",
    "",
    " Approved for public release; distribution is unlimited.",
    " Approved for Public Release 19-MDA-9932 (5 March 19).",
)
_WITHHELD = ("In process for public release", "Not Available", "N/A", "DoD component has not released the abstract.")


class Texts:
    """Makes titles and abstracts.

    Attributes:
        areas: Ids of the areas, in the vocabulary's order.
        known_areas: The same, to look one up.
        ordinary: Subjects that belong to no area.
    """

    def __init__(self) -> None:
        vocabulary = _vocabulary()
        self.areas: tuple[str, ...] = tuple(vocabulary["areas"])
        self.known_areas = frozenset(self.areas)
        self.ordinary: tuple[str, ...] = tuple(vocabulary["ordinary"])
        self._of: dict[str, dict[str, tuple[str, ...]]] = {
            subject: {kind: tuple(phrases) for kind, phrases in parts.items()}
            for subject, parts in (vocabulary["areas"] | vocabulary["ordinary"]).items()
        }
        self._tempting = [(one["sounds_like"], one["says"]) for one in vocabulary["tempting"]]

    def title(self, subject: str, pick: Pick) -> str:
        """A title: what is built, as a heading."""
        things = (
            self._of[subject]["things"]
            if pick() > _QUIET
            else self._of[subject].get("jargon", self._of[subject]["things"])
        )
        words = things[int(pick() * len(things))].split()[1:]
        title = " ".join(word if word in _SMALL or not word.islower() else word.capitalize() for word in words)
        shape = pick()
        if shape < 0.08:
            return f"{title}, Phase {'I' if pick() < 0.7 else 'II'}"
        if shape < 0.14:
            return f'"{"".join(word[0] for word in words).upper()}": {title}'
        return f"Novel {title}" if shape < 0.2 else title

    def abstract(self, subject: str, second: str, firm: str, pick: Pick) -> tuple[str, str]:
        """An abstract, and the area that a sentence in it sounds like ("" for none).

        Args:
            subject: What it is about: an area or an ordinary subject.
            second: A further area that it is truly about, "" for none.
            firm: Who speaks.
            pick: Draws from 0 to below 1.
        """
        of, is_area = self._of[subject], "jargon" in self._of[subject]
        if pick() < 0.015:
            return _any(_WITHHELD, pick), ""
        quiet = is_area and pick() < _QUIET
        things = of["jargon"] if quiet else of["things"]
        parts = [
            _any(_OPENINGS, pick),
            _around(_PROPOSALS, _any(things, pick), pick).replace("{firm}", firm),
            _around(_METHODS, _any(of["methods"], pick), pick),
        ]
        if is_area:
            parts.append(_around(_JARGON, _any(of["jargon"], pick), pick))
            parts.append(_around(_METHODS, _any(of["methods"], pick), pick))
        if second:
            other = self._of[second]
            parts.append(_around(_JARGON, _any(other["things"], pick), pick))
            parts.append(_around(_METHODS, _any(other["methods"], pick), pick))
        parts.append(_around(_GAINS, _any(of["gains"], pick), pick))
        sounds_like = ""
        if pick() < (_TEMPTING_ELSEWHERE if is_area else _TEMPTING):
            sounds_like, says = self._tempting[int(pick() * len(self._tempting))]
            parts.append(says)
        parts.extend(_any(_FILLERS, pick) for _ in range(3 + int(pick() * (6 if is_area else 9))))
        parts.append(_any(_MARKETS, pick))
        if pick() < 0.6:
            parts.append(_any(_MARKETS, pick))
        layout = pick()
        text = (" " if layout < 0.62 else "\n" if layout < 0.9 else "\r\n" if layout < 0.93 else "\n\n").join(parts)
        if pick() < 0.03:
            text = text.replace("'", "&#039;").replace(
                '"', "&quot;"
            )  # as the public file has it where a form escaped twice
        return text + _any(_NOTES, pick), "" if sounds_like in (subject, second) else sounds_like


_SMALL = frozenset(
    ("a", "an", "and", "at", "for", "from", "in", "of", "on", "over", "per", "that", "the", "to", "with")
)


def _any(choices: tuple[str, ...], pick: Pick) -> str:
    return choices[int(pick() * len(choices))]


def _around(sentences: tuple[Sentence, ...], phrase: str, pick: Pick) -> str:
    before, after = sentences[int(pick() * len(sentences))]
    return before + phrase + after


@cache
def _vocabulary() -> dict[str, Any]:
    return yaml.safe_load(files("millrace_sbir.sample").joinpath("vocabulary.yaml").read_text(encoding="utf-8"))

"""PromQL: which metrics and labels an expression names, and how one is narrowed to some of its results.

What belongs here: what needs the parser. What does not: what an expression means.

The parser is that of the package `promql-parser`, a port of Prometheus' own; promtool judges what is written in the
end. Expressions are narrowed from outside, by `and on (…)` and `unless on (…)` with a vector made of constants: no
selector within is touched, so it works whatever the expression looks like.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from millrace.errors import ConfigurationError

_Operator = Literal["=", "!=", "=~", "!~"]
# By the parser's names, which are the only thing of its operators that can be a key.
_OPERATORS: Mapping[str, _Operator] = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


@dataclass(frozen=True, order=True)
class Matcher:
    """What a selector asks of one label."""

    label: str
    operator: _Operator
    value: str

    def admits(self, value: str) -> bool:
        """Whether a series whose label has this value is asked for."""
        is_there = re.fullmatch(self.value, value) is not None if "~" in self.operator else self.value == value
        return is_there is not self.operator.startswith("!")

    def alternatives(self) -> list["Matcher"]:
        """What it names, each as something to be there: of an expression its alternatives, if none is nested.

        Without the empty value, which is the label's absence.
        """
        is_expression = "~" in self.operator
        values = self.value.split("|") if is_expression and not set("()[\\") & set(self.value) else [self.value]
        return [Matcher(self.label, "=~" if is_expression else "=", value) for value in values if value]

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{quoted}"'


@dataclass(frozen=True)
class Selector:
    """One selector of an expression: the metric, and what it asks of labels; as text a selector of its own.

    Matchers are sorted by label, as Prometheus gives an expression back.
    """

    metric: str
    matchers: tuple[Matcher, ...] = ()

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it asks for."""
        return frozenset(matcher.label for matcher in self.matchers)

    def __str__(self) -> str:
        return f"{self.metric}{{{', '.join(map(str, self.matchers))}}}" if self.matchers else self.metric


def selectors(expression: str, subject: str) -> list[Selector]:
    """Every selector in the order of appearance.

    Raises:
        ConfigurationError: it is no PromQL, or a selector names no metric.
    """
    import promql_parser

    found: list[Selector] = []
    nameless: list[str] = []

    def visit(node: promql_parser.Expr) -> None:
        if not isinstance(node, promql_parser.VectorSelector):
            return
        matchers = [Matcher(one.name, _OPERATORS[str(one.op)], one.value) for one in node.matchers.matchers]
        names = [one.value for one in matchers if (one.label, one.operator) == ("__name__", "=")]
        if name := node.name or next(iter(names), ""):
            found.append(Selector(name, tuple(sorted(one for one in matchers if one.label != "__name__"))))
        else:
            nameless.append(node.prettify())

    try:
        promql_parser.walk(promql_parser.parse(expression), visit)
    except ValueError as error:
        raise ConfigurationError(subject, [f"no PromQL: {error}: {' '.join(expression.split())}"]) from error
    if nameless:
        raise ConfigurationError(subject, [f"a selector without a metric: {one}" for one in nameless])
    return found


def sole_selector(expression: str, subject: str) -> Selector | None:
    """The selector that an expression is; None if it is more than that.

    Raises:
        ConfigurationError: as `selectors`.
    """
    import promql_parser

    found = selectors(expression, subject)
    return found[0] if isinstance(promql_parser.parse(expression), promql_parser.VectorSelector) else None


def restricted(expression: str, labels: Mapping[str, str], *, but: Sequence[Mapping[str, str]] = ()) -> str:
    """The expression for what has these labels, and for nothing that has those of one in `but`."""
    if not labels and not but:
        return expression
    lines = [f"({expression.strip()})"]
    if labels:
        lines.append(f"and on ({', '.join(labels)}) {_constant(labels)}")
    lines += [f"unless on ({', '.join(other)}) {_constant(other)}" for other in but]
    return "\n".join(lines)


def _constant(labels: Mapping[str, str]) -> str:
    """A vector of one element with these labels."""
    made = "vector(1)"
    for name, value in labels.items():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
        made = f'label_replace({made}, "{name}", "{quoted}", "", "")'
    return made

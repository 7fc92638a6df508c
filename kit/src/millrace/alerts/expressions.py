"""PromQL: which metrics and labels an expression names, and how one is narrowed to some of its results.

What belongs here: what needs the parser. What does not: what an expression means.

The parser is that of the package `promql-parser`, a port of Prometheus' own; promtool judges what is written in the
end. Expressions are narrowed from outside, by `and on (…)` and `unless on (…)` with a vector made of constants: no
selector within is touched, so it works whatever the expression looks like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from millrace.errors import ConfigurationError


@dataclass(frozen=True)
class Selector:
    """One selector of an expression: the metric, and the labels that it asks for."""

    metric: str
    labels: frozenset[str]


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
        matchers = {matcher.name: matcher for matcher in node.matchers.matchers}
        named = matchers.pop("__name__", None)
        name = node.name or (named.value if named and named.op == promql_parser.MatchOp.Equal else "")
        if name:
            found.append(Selector(name, frozenset(matchers)))
        else:
            nameless.append(node.prettify())

    try:
        promql_parser.walk(promql_parser.parse(expression), visit)
    except ValueError as error:
        raise ConfigurationError(subject, [f"no PromQL: {error}: {' '.join(expression.split())}"]) from error
    if nameless:
        raise ConfigurationError(subject, [f"a selector without a metric: {one}" for one in nameless])
    return found


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

"""What somebody would write first: for each text, for each term, is it in there, and where.

The baseline of `sbir_classification.py`: the same terms with word boundaries and plurals, each looked for by itself;
the regular expression runs only where the bare word is found. It adds nothing up, ranks nothing and keeps no evidence.
"""

import re

from millrace_sbir.taxonomy import Taxonomy


def plain_counts(texts: list[str], taxonomy: Taxonomy) -> list[dict[tuple[str, str], int]]:
    """Occurrences by area and term, for each text."""
    terms = [
        (area.id, term, re.compile(rf"\b{term.replace(' ', '[ -]')}(?:s|es)?\b"))
        for area in taxonomy.areas
        for term in (*area.keywords, *area.negative_keywords)
    ]
    counts = []
    for text in texts:
        lowered = text.lower().replace("-", " ")
        counts.append(
            {
                (area_id, term): len(found)
                for area_id, term, pattern in terms
                if term in lowered and (found := pattern.findall(lowered))
            }
        )
    return counts

"""A refusal in prose: models decline in a sentence or two, in the language of the hint at times."""

import re

_BEGINNING = 400
"""Characters of an answer that are looked at: who declines says so first."""

_REFUSAL = re.compile(
    r"""
    \b(?:i|we)(?:'m|\s+am|'re|\s+are)\s+(?:sorry|not\s+(?:able|allowed|comfortable))\b
    | \b(?:i|we)\s+(?:can\s*not|can't|won't|will\s+not|couldn't|could\s+not|do\s+not\s+feel)\b
    | \b(?:i|we)\s+(?:must|have\s+to|need\s+to)\s+(?:decline|refuse)\b
    | \b(?:unable|not\s+able)\s+to\b
    | \b(?:cannot|can't)\s+(?:be\s+)?(?:assist|help|process|analy[sz]e|identify|provide|comply|fulfil)
    | \b(?:my\s+apologies|i\s+apologi[sz]e|sorry,|as\s+an\s+ai\b)
    | \b(?:against|violat\w+)\s+(?:my|our|the)\s+(?:guidelines|polic|usage|content|safety|rules)
    | \blo\s+siento\b | \bno\s+puedo\b
    | \bdésolée?\b | \bje\s+ne\s+(?:peux|suis)\s+pas\b
    | \btut\s+mir\s+leid\b | \bich\s+kann\b.{0,60}\bnicht\b
    | \bmi\s+dispiace\b | \bnon\s+posso\b
    | \bdesculpe\b | \bnão\s+posso\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def is_refusal(text: str) -> bool:
    """Whether a text that holds no foods declines to name any."""
    return _REFUSAL.search(text[:_BEGINNING].replace("\u2019", "'")) is not None

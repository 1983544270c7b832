"""A refusal in prose is told from other prose."""

import pytest

from adapters.refusals import is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I can\u2019t assist with identifying what is in this image.",
        "Sorry, but this is not something that I do.",
        "I cannot analyze this image.",
        "I am unable to process this photo.",
        "Unable to identify the contents of the picture.",
        "As an AI, I do not judge meals.",
        "I must decline this request.",
        "My apologies. It shows a person.",
        "This request violates our usage policies.",
        "Lo siento, pero eso no es posible.",
        "Je suis désolé, je ne peux pas vous aider.",
        "Es tut mir leid, das geht nicht.",
        "Ich kann dieses Bild leider nicht auswerten.",
        "Mi dispiace, non posso aiutarti.",
        "Desculpe, não posso ajudar com isso.",
        '{"error": "I cannot help with that"}',
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    ["", "I see an egg.", "The plate holds canned tuna.", "<html>gateway</html>", "egg " * 200 + "I can't"],
)
def test_other_prose_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)

import pytest

from maxbot.nlu.addresses import find_emails, find_urls
from maxbot.nlu.tokens import tokenise


@pytest.mark.parametrize("text", ["ann@example.com", "a.b+c@d-e.fr", "A_b@C.de", "1@2.3"])
def test_a_mailbox_is_found(text: str) -> None:
    for before, behind in (("", ""), ("(", ")"), ("write to ", ", please"), ("", ".")):
        tokens = tokenise(before + text + behind)
        [find] = find_emails(tokens)
        assert (find.name, find.value, find.start_char) == ("email", text, len(before))
        assert list(find_urls(tokens)) == []


@pytest.mark.parametrize("text", ["a@b", "@b.c", "a@@b.c", "é@b.c", "a@é.fr", "a b.c"])
def test_something_else_is_no_mailbox(text: str) -> None:
    assert list(find_emails(tokenise(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "https://x",
        "http://user@a.bc:80/p?q=1-2",
        "www.x",
        "example.com",
        "readme.txt",
        "a.bc",
        "1.2.3.4",
        "ftp://x.yz/a-b",
        "foo.co.uk/x",
        "a.b/",
        "example.com:8",
        "日本.jp",
    ],
)
def test_a_web_address_is_found(text: str) -> None:
    [find] = find_urls(tokenise(f"see {text} please"))
    assert (find.name, find.value, find.literal, find.start_char) == ("url", text, text, 4)


@pytest.mark.parametrize(
    "text",
    ["printer:631", "GNU.ORG", "a.b", "10.0.0.1", "127.0.0.1", "256.1.1.1", "www.", "localhost", ".com", "3.5", "e.g."],
)
def test_something_else_is_no_web_address(text: str) -> None:
    assert list(find_urls(tokenise(text))) == []

"""What the author's markup means, rule by rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.maxml import CommandSchema, Field, Marked, MarkupError, MaxMLError, Reader, SchemaError, print_commands
from maxbot.maxml.parse import DEPTH_LIMIT
from maxbot.maxml.render import Command
from tests.support import examples

READER = Reader()
NODE = frozenset({"listen", "followup", "jump_to", "end"})


def read(text: str) -> list[Command]:
    return READER.read(text, NODE)


@pytest.mark.parametrize(
    ("document", "texts"),
    [
        ("Fish &amp; Chips", ["Fish & Chips"]),
        ("a <br/> b", ["a\nb"]),
        ("a<br/>b", ["a\nb"]),
        ("a<br/>  <br/>b", ["a\n\nb"]),
        ("x<br/>", ["x\n"]),
        ("<br>x</br>", ["\nx"]),
        ("<br/>", ["\n"]),
        ("<text>a <b>b</b> c</text>", ["a bc"]),
        ("<text>a<b>b</b>c</text>", ["abc"]),
        ("<text>a <i/> c</text>", ["a c"]),
        ("<text>a <i/>c</text>", ["a c"]),
        ("<text>a<i/> c</text>", ["ac"]),
        ("<text><b>x</b> <i>y</i></text>", ["x y"]),
        ("x<!-- y -->z", ["xz"]),
        ("x <?php y ?> z", ["x z"]),
        ("<![CDATA[a < b]]>", ["a < b"]),
        ("<text></text>", [""]),
        ("<text/>", [""]),
        ("  \n\t ", []),
        ("\u00a0 no\u00a0break \u2003 ", ["no break"]),
        ("&#60;b&#62;", ["<b>"]),
        ("one <text>two</text> three", ["one", "two", "three"]),
        ("<text>one<listen/></text>", ["one"]),
        ("two\r\nlines", ["two lines"]),
    ],
)
def test_texts(document: str, texts: list[str]) -> None:
    assert [command["text"] for command in read(document)] == texts


def test_a_command_ends_a_running_text() -> None:
    assert read('Here <image url="http://example.org/map.png"/> you <br/> are') == [
        {"text": "Here"},
        {"image": {"url": "http://example.org/map.png"}},
        {"text": "you\nare"},
    ]


def test_an_image_has_a_caption_with_markup() -> None:
    document = '<image url="http://example.org/a.png">\n <caption>of <b>me</b></caption> </image>'
    assert read(document) == [{"image": {"url": "http://example.org/a.png", "caption": "of me"}}]
    assert read('<image url="http://example.org/a.png"><caption/></image>')[0]["image"]["caption"] == ""


@pytest.mark.parametrize(
    "document",
    [
        "a < b",
        "Fish & Chips",
        "&copy;",
        "<b>bold</b>",
        "<Text>x</Text>",
        "<text>",
        "</maxml><maxml>",
        "</maxml>",
        "<!DOCTYPE x>",
        '<!DOCTYPE x [<!ENTITY y "z">]>&y;',
        '<text lang="en">x</text>',
        '<image url="http://example.org/a.png">text</image>',
        '<image url="http://example.org/a.png"><caption/><caption/></image>',
        '<image url="http://example.org/a.png" size="3"/>',
        "<end>now</end>",
        "<Listen/>",
        "<move_on/>",
        '<listen to="me"/>',
        "\x01",
        "\ufffe",
        "\ud800",
        "<text>" * (DEPTH_LIMIT + 1) + "</text>" * (DEPTH_LIMIT + 1),
        "<br><b>x</b></br>",
        "a <br><br><text>x</text></br></br>",
        "<br><image url='http://example.org/a'/></br>",
        "<text>" + "<b>" * 100_000,
        "<text>" + "<b>" * 5_000 + "</b>" * 5_000 + "</text>",
    ],
)
def test_what_may_not_stand_there_is_refused(document: str) -> None:
    with pytest.raises(MarkupError):
        read(document)


@pytest.mark.parametrize(
    "document",
    [
        "<image/>",
        '<image url="shop"/>',
        '<image url="http://example.org/a.png" caption="x"/>',
        '<jump_to node="x"/>',
        '<jump_to node="x" transition="fly"/>',
    ],
)
def test_values_that_do_not_fit_are_refused(document: str) -> None:
    with pytest.raises(SchemaError):
        read(document)


def test_control_commands_are_those_of_their_place() -> None:
    assert read(' <jump_to node="x y" transition="listen"> </jump_to>') == [
        {"jump_to": {"node": "x y", "transition": "listen"}}
    ]
    assert read("bye<end/>") == [{"text": "bye"}, {"end": {}}]


def test_a_mistake_has_its_place_in_the_rendered_response() -> None:
    for document, place in (("a\n b &x;", (2, 4)), ("<b>x</b>", (1, 1)), ("one\n  <nope/>", (2, 3))):
        with pytest.raises(MaxMLError) as caught:
            read(document)
        assert (caught.value.line, caught.value.column) == place


def test_formats_stay_with_their_text() -> None:
    (command,) = read('<text>Read <b>this <i>now</i></b>, <a href="https://example.org">here</a><br/><s> </s></text>')
    text = command["text"]
    assert isinstance(text, Marked)
    assert text == "Read this now, here\n"
    assert [(text[found.start : found.end], found.style, found.url) for found in text.formats] == [
        ("this now", "bold", None),
        ("now", "italic", None),
        ("here", "link", "https://example.org"),
    ]


def test_a_text_of_python_is_printed_so_that_it_is_read_again() -> None:
    commands = [{"text": "one\ntwo & <three>\n"}, {"text": ""}]
    printed = print_commands(commands)
    assert printed == "<text>one<br />two &amp; &lt;three&gt;<br /></text>\n<text></text>"
    assert read(printed) == commands


def test_a_text_over_several_lines_is_printed_in_a_block() -> None:
    printed = print_commands(read("<text>one\n  two <b>three</b></text>"))
    assert printed == "<text>\n  one\n  two<b>three</b>\n</text>"


@pytest.mark.parametrize(
    "fields",
    [
        (Field(name="a", place="content"), Field(name="b", place="content")),
        (Field(name="a", place="content"), Field(name="b", type="markup")),
        (Field(name="a", place="content", many=True),),
        (Field(name="n", type="nested", fields=(Field(name="a", place="content"), Field(name="b", place="element"))),),
    ],
)
def test_a_command_that_could_not_be_read_cannot_be_declared(fields: tuple[Field, ...]) -> None:
    with pytest.raises(ValueError, match="content"):
        CommandSchema("x", fields)


# Whatever is rendered ──────────────────────────────────────────────────────────────────────────────────────────────

_ATOMS = ["<text>", "</text>", "<b>", "</b>", "<br/>", "<image ", 'url="http://example.org/a"', "/>", "<caption>"]
_ATOMS += [
    "</caption>",
    "</image>",
    "&amp;",
    "&",
    "<",
    ">",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "x",
    " ",
    "\n",
    "é",
    "😀",
]
_ATOMS += [
    "<listen/>",
    "<end>",
    '<jump_to node="a" transition="listen"/>',
    "&#0;",
    "&#xD800;",
    "\ud800",
    "\x00",
    "\xa0",
]

documents = st.lists(st.sampled_from(_ATOMS) | st.text(max_size=3), max_size=20).map("".join)


@given(documents)
@settings(max_examples=examples(500), deadline=None)
def test_whatever_is_rendered_gives_commands_or_a_mistake(document: str) -> None:
    try:
        commands = read(document)
    except MaxMLError:
        return
    assert all(len(command) == 1 for command in commands)


inner = st.recursive(
    st.sampled_from(["a", " b", "c ", "<br/>", "&amp;", "\n", "x y"]),
    lambda children: st.lists(children, max_size=3).map(lambda parts: f"<b>{''.join(parts)}</b>"),
    max_leaves=8,
)
whole = st.lists(inner.map(lambda text: f"<text>{text}</text>"), max_size=3).map("".join)


@given(whole)
@settings(max_examples=examples(300), deadline=None)
def test_printing_what_was_printed_changes_nothing(document: str) -> None:
    printed = print_commands(read(document))
    assert print_commands(read(printed)) == printed


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5).map("\n".join))
@settings(max_examples=examples(300), deadline=None)
def test_the_way_without_a_parser_is_no_other_way(text: str) -> None:
    def outcome(document: str) -> object:
        try:
            return read(document)
        except MaxMLError:
            return MaxMLError

    assert outcome(text) == outcome(f"<!---->{text}")

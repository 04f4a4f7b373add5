"""Whatever commands an author declares: what is printed is read again as the same, and all else is refused."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.maxml import CommandSchema, Field, MarkupError, Reader, SchemaError, print_commands
from tests.support import examples

NAMES = ["a", "b", "c", "d"]
ALLOWED = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
    lambda char: char >= " " or char in "\t\n\r"
)

texts = st.text(ALLOWED | st.sampled_from("\t\n\r \"'<&>]"), max_size=6)
# Texts with markup have their white space normalised when they are read, so that is how they are kept.
marked = texts.map(lambda text: "\n".join(" ".join(line.split()) for line in text.split("\n")))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "integer": st.integers(-(10**30), 10**30),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "url": st.sampled_from(["http://example.org/?a=1&b='2'", "https://localhost"]),
    "markup": marked,
}
scalars: st.SearchStrategy[Any] = st.sampled_from(sorted(set(VALUES) - {"markup"}))


@st.composite
def fields(draw: st.DrawFn, depth: int = 2) -> tuple[Field, ...]:
    """Return the fields of a command that can be declared."""
    names: list[str] = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    has_content: bool = draw(st.booleans())
    if names and has_content:
        first, *others = names
        kind: Any = draw(st.sampled_from(["string", "markup", "integer"]))
        content = Field(name=first, type=kind, place="content")
        return (content, *(Field(name=name, type=draw(scalars)) for name in others))
    return tuple(draw(one_field(name, depth)) for name in names)


@st.composite
def one_field(draw: st.DrawFn, name: str, depth: int) -> Field:
    many = draw(st.booleans())
    if depth and draw(st.integers(0, 3)) == 0:
        return Field(name=name, type="nested", many=many, fields=draw(fields(depth - 1)))
    place = draw(st.sampled_from([None, "element"]))
    return Field(name=name, type=draw(st.sampled_from(sorted(VALUES))), many=many, place=place)  # type: ignore[arg-type]


@st.composite
def values(draw: st.DrawFn, schema: tuple[Field, ...]) -> dict[str, Any]:
    """Return what a command may hold: a content is always there, lists have something in them."""
    found = {}
    for field in schema:
        if field.place == "content" or draw(st.booleans()):
            one = values(field.fields) if field.type == "nested" else VALUES[field.type]
            found[field.name] = draw(st.lists(one, min_size=1, max_size=2) if field.many else one)
    return found


@st.composite
def declared(draw: st.DrawFn) -> tuple[list[CommandSchema], list[dict[str, Any]]]:
    """Return the declarations of commands, and some of these commands."""
    schemas = [CommandSchema(name, draw(fields())) for name in ("one", "two")]
    chosen = draw(st.lists(st.sampled_from(schemas), max_size=3))
    return schemas, [{schema.name: draw(values(schema.fields))} for schema in chosen]


@given(declared())
@settings(max_examples=examples(300), deadline=None)
def test_what_is_printed_is_read_again_as_the_same(given: tuple[list[CommandSchema], list[dict[str, Any]]]) -> None:
    schemas, commands = given
    assert Reader(lambda: schemas).read(print_commands(commands, schemas)) == commands


@given(declared(), st.data())
@settings(max_examples=examples(300), deadline=None)
def test_what_is_spoilt_is_read_or_refused(
    given: tuple[list[CommandSchema], list[dict[str, Any]]], data: st.DataObject
) -> None:
    schemas, commands = given
    document = print_commands(commands, schemas)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(document)))
        end = data.draw(st.integers(start, min(start + 8, len(document))))
        other = data.draw(
            st.sampled_from(["", "<", ">", "/", '"', "<a>", "</a>", "<b c='1'/>", "x", "&", "<br/>", "\0"])
        )
        document = document[:start] + other + document[end:]
    try:
        read = Reader(lambda: schemas).read(document)
    except (MarkupError, SchemaError):
        return
    assert all(len(command) == 1 for command in read)


def test_an_attribute_keeps_what_a_reader_of_xml_makes_blanks_of() -> None:
    schema = CommandSchema("one", (Field(name="a"), Field(name="b", place="element")))
    commands = [{"one": {"a": "x\ny\tz\r", "b": "x\ny\tz\r"}}]
    printed = print_commands(commands, [schema])
    assert printed == '<one a="x&#10;y&#9;z&#13;">\n  <b>x\ny\tz&#13;</b>\n</one>'
    assert Reader(lambda: [schema]).read(printed) == commands

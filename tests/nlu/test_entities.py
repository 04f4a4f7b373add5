import pytest

from maxbot.nlu.entities import EntitiesResult, RecognizedEntity

RED = RecognizedEntity("colour", "red", "Red", 2, 5)
BLUE = RecognizedEntity("colour", "blue", "navy", 6, 10)
ENTITIES = EntitiesResult.resolve([RED, BLUE], {"colour": ["red", "blue", "green"], "size": ["small"]})


def test_the_first_find_tells_its_value_and_place() -> None:
    colour = ENTITIES.colour
    assert colour
    assert (colour.name, colour.value, colour.literal, colour.start_char, colour.end_char) == (
        "colour",
        "red",
        "Red",
        2,
        5,
    )
    assert colour.first is RED
    assert colour.all_values == ("red", "blue")
    assert colour.all_objects == (RED, BLUE)


def test_a_value_is_true_where_it_was_found() -> None:
    assert ENTITIES.colour.blue is True
    assert ENTITIES.colour["green"] is False
    assert not hasattr(ENTITIES.colour, "pink")


def test_a_value_with_the_name_of_an_attribute_is_false_while_nothing_was_found() -> None:
    entities = EntitiesResult.resolve([RED], {"colour": ["name", "red"], "code": ["name", "order"]})
    assert entities.code.name is False
    assert entities.colour.name == "colour"
    assert not hasattr(entities.code, "literal")


def test_an_entity_without_finds_is_false_and_has_no_value() -> None:
    assert not ENTITIES.size
    assert ENTITIES.size.first is None
    assert ENTITIES.size.all_values == ()
    assert ENTITIES.size.small is False
    assert not hasattr(ENTITIES.size, "value")
    with pytest.raises(KeyError):
        ENTITIES.size["literal"]


def test_an_unknown_entity_is_not_there() -> None:
    assert not hasattr(ENTITIES, "garden")
    with pytest.raises(KeyError):
        ENTITIES["garden"]


def test_all_of_them() -> None:
    assert ENTITIES.all_objects == (RED, BLUE)
    assert list(ENTITIES.proxies) == ["colour", "size"]


def test_attributes_win_over_values() -> None:
    named = EntitiesResult.resolve([RecognizedEntity("x", "name", "n", 0, 1)]).x
    assert named.name == "x"
    assert named.all_values == ("name",)


def test_what_is_printed_of_entities_is_the_same_in_each_process() -> None:
    assert str(RED) == "RecognizedEntity(name='colour', value='red', literal='Red', start_char=2, end_char=5)"
    assert str(ENTITIES.colour) == "<entity colour: red, blue>"
    assert str(ENTITIES.size) == "<entity size: none>"

from dataclasses import fields

from maxbot.settings import Settings, options


def test_every_setting_is_an_option() -> None:
    assert [option.name.replace("-", "_") for option in options()] == [field.name for field in fields(Settings)]


def test_every_option_says_what_it_is() -> None:
    for option in options():
        assert option.help.endswith("."), option.name
        assert option.default == getattr(Settings(), option.name.replace("-", "_"))
        assert option.type in (str, int, float, bool)


def test_names_in_the_environment() -> None:
    assert {option.name: option.env for option in options()}["public-url"] == "MAXBOT_PUBLIC_URL"


def test_choices_and_optional_types_are_seen_through() -> None:
    found = {option.name: option for option in options()}
    assert found["updater"].choices == ("webhooks", "polling")
    assert found["durability"].choices == ("process", "power-loss")
    assert (found["workers"].type, found["port"].type) == (int, int)
    assert found["port"].choices == ()


def test_what_polling_refuses() -> None:
    refused = {option.name for option in options() if option.web_only}
    assert refused == {
        *("host", "port", "public-url", "ngrok", "ngrok-url", "allowed-hosts", "allow-unverified", "rpc-token"),
        *("workers", "fast", "single-process", "drain-delay"),
    }

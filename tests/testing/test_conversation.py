"""What an author's tests of a bot can ask for."""

from datetime import datetime, timedelta, timezone

import pytest

from maxbot.bot import MaxBot, Turn
from maxbot.errors import RpcError, TurnError
from maxbot.testing import Conversation
from maxbot.testing.replies import fits

BOT = MaxBot.inline("""
rpc:
  - {method: delivered, params: [{name: parcel, required: true}]}
dialog:
  - {condition: rpc.delivered, response: "Parcel {{ params.parcel }} is here."}
  - {condition: message.text == 'clock', response: "{{ utc_time.strftime('%d %H:%M:%S') }}"}
  - {condition: message.text == 'count', response: "{% set user.n = user.n|default(0) + 1 %}{{ user.n }}"}
  - condition: message.text == 'stamp'
    response: 'A stamp <image url="http://example.com/stamp.png"><caption>one <br/> coin</caption></image>'
  - {condition: message.image, response: "A picture of {{ message.image.caption }}."}
  - {condition: message.button, response: "You chose {{ message.button.payload }}."}
  - {condition: message.location, response: "So far away!"}
  - condition: message.text == 'menu'
    response: |
      <buttons><text>What?</text><button payload="s">Soup</button><button>Salad</button></buttons>
      <quick_replies><text>Hungry?</text><reply>count</reply></quick_replies>
  - {condition: message.text == 'silence', response: ''}
  - {condition: message.text == 'broken', response: "{% set user.n = 9 %}{{ nobody }}"}
  - {condition: message.text == 'wind', response: "{% set slots.turns = 1 %}Wound up. <listen/>"}
""")


def test_a_conversation_reads_like_one() -> None:
    ada = Conversation(BOT)
    ada.says("count").expects("1")
    ada.says("count").expects_one_of("1", "2")
    ada.says("stamp").expects(
        "<text>A <b>stamp</b></text>", {"image": {"url": "http://example.com/stamp.png", "caption": "one\ncoin"}}
    )
    ada.says({"image": {"url": "http://example.com/sea.png", "caption": "the sea"}}).expects("A picture of the sea.")
    ada.says("silence").expects()
    ada.calls("delivered", parcel=7).expects("Parcel 7 is here.")
    assert ada.replies == [{"text": "Parcel 7 is here."}]
    assert [turn.message or turn.rpc for turn in ada.turns][-1] == {"method": "delivered", "params": {"parcel": 7}}


def test_buttons_are_pressed_as_on_a_channel() -> None:
    ada = Conversation(BOT)
    ada.says("menu").presses("Soup").expects("You chose s.")
    ada.says("menu").presses("Salad").expects("You chose Salad.")
    ada.says("menu").presses("count").expects("1")
    with pytest.raises(AssertionError, match="no button 'Steak'"):
        ada.says("menu").presses("Steak")
    ada.says({"location": {"latitude": 1.0, "longitude": 2.0}}).expects("So far away!")


def test_users_are_strangers_to_each_other_and_to_the_next_test() -> None:
    ada, bob = Conversation(BOT), Conversation(BOT)
    ada.says("count").expects("1")
    bob.says("count").expects("1")
    Conversation(BOT, "ada").says("count").expects("1")
    Conversation(BOT, "ada").says("count").expects("1")
    assert BOT.process_message("count") == [{"text": "1"}]
    assert ada.dialog != bob.dialog


def test_the_clock_is_set_and_goes_on() -> None:
    ada = Conversation(BOT, utc_time=datetime(2024, 2, 28, 23, 59, 55))
    ada.says("clock").expects("28 23:59:55")
    ada.says("clock").expects("29 00:00:05")
    ada.waits(hours=2).says("clock").expects("29 02:00:15")
    ada.at(datetime(2024, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))).says("clock").expects("29 23:00:00")


def test_state_can_be_looked_at_and_not_changed() -> None:
    ada = Conversation(BOT)
    assert (ada.user, ada.slots, ada.state) == ({}, {}, {})
    ada.says("count")
    ada.says("wind")
    assert (ada.user, ada.slots) == ({"n": 1}, {"turns": 1})
    ada.user["n"] = 5
    ada.state["user"]["n"] = 5
    ada.says("count").expects("2")


def test_a_failed_turn_raises_and_changes_nothing() -> None:
    ada = Conversation(BOT)
    with pytest.raises(TurnError, match="'nobody' is undefined"):
        ada.says("broken")
    with pytest.raises(RpcError):
        ada.calls("lost")
    with pytest.raises(TurnError, match="url"):
        ada.says({"image": {}})
    assert ada.user == {}
    assert ada.replies == []


def test_a_mismatch_shows_the_conversation_and_the_difference() -> None:
    ada = Conversation(BOT, "ada")
    ada.says("count")
    with pytest.raises(AssertionError) as caught:
        ada.says("count").expects("1")
    text = str(caught.value)
    assert text.count("test:ada 🧑 count") == 2
    assert text.endswith("Expected:\n  <text>1</text>\nActual:\n  <text>2</text>\n        ^")
    with pytest.raises(ValueError, match="unknown"):
        ada.expects("<unknown/>")


def test_a_bot_in_python_is_talked_to_in_the_same_way() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.state["n"] = turn.state.get("n", 0) + 1
        turn.say(f"{turn.message['text']}  {turn.state['n']}", resend=False)
        turn.add_own({"poll": {"question": "why?"}})

    ada = Conversation(bot)
    ada.says("hi").expects("hi 1", {"poll": {"question": "why?"}})
    with pytest.raises(AssertionError, match="poll"):
        ada.expects("hi 1")
    assert ada.state == {"n": 1}


def test_order_kind_and_number_of_replies_count() -> None:
    one, two = {"text": "one"}, {"text": "two"}
    assert fits([one, two], [one, two])
    assert not fits([one, two], [two, one])
    assert not fits([one], [one, two])
    assert not fits([one], [{"text": "One"}])
    assert not fits([], [one])


def test_a_bot_fetches_what_a_test_gives_it() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        file = await turn.fetch(turn.message["file"], size_limit=10)
        turn.say(f"{file.name}: {file.mime_type}")

    ada = Conversation(bot, files={"F1": b"%PDF-1.7", "https://example.com/a": b"GIF89a", "F2": b"%PDF-1.7 and more"})
    ada.says({"file": {"file_id": "F1", "name": "a.pdf"}}).expects("a.pdf: application/pdf")
    ada.says({"file": {"url": "https://example.com/a"}}).expects(": image/gif")
    with pytest.raises(TurnError, match="larger than 10 bytes"):
        ada.says({"file": {"file_id": "F2"}})
    with pytest.raises(TurnError, match=r"no file 'F3': Conversation\(bot, files="):
        ada.says({"file": {"file_id": "F3"}})

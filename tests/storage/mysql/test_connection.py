"""An answer that ends too early is a lost connection, and no result."""

import pytest

from maxbot.errors import StorageInterrupted
from maxbot.storage.mysql.connection import Connection, ServerError
from maxbot.storage.mysql.driver import Result
from maxbot.storage.mysql.failure import meaning


class EndsEarly:
    """A driver whose server answers the first statement of a text alone. Seen of MariaDB when a network came back
    after a silence; no test can have it do so at will."""

    def run(self, text: str, results: list[Result]) -> None:
        results.append(Result([], 0))

    def close(self) -> None:
        pass


def test_an_answer_with_fewer_results_than_statements_is_a_lost_connection() -> None:
    connection = Connection(EndsEarly())
    connection.queue("START TRANSACTION")
    connection.queue("SELECT 1")
    with pytest.raises(ServerError, match="ended after 1 of 2 statements") as caught:
        connection.exchange()
    assert caught.value.lost
    assert not caught.value.last, "what came last was not run"
    assert isinstance(meaning(caught.value), StorageInterrupted), "it is tried again before anybody hears of it"

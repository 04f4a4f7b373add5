"""Read JSON that came from the network: what is wrong with it is said without repeating any of it."""

from typing import TypeVar

import msgspec

from maxbot.errors import BadRequest

T = TypeVar("T")


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """Return the body as the decoder's type; every text in it can be stored as UTF-8.

    Raises:
        BadRequest: It is not JSON, or not of that type. The text names the place, and nothing that was sent: the
            decoder's type must not be one that makes msgspec repeat keys or values (`forbid_unknown_fields`, enums).
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        reason = f"The JSON has a wrong shape: {error}"
    except msgspec.DecodeError as error:
        reason = f"The body is not JSON: {error}"
    except UnicodeDecodeError:
        reason = "The body is not UTF-8"
    except RecursionError:
        reason = "The JSON is nested too deeply"
    # Outside of the handlers: the error that was caught holds the body.
    raise BadRequest(reason)

"""JSON as it stands in the database."""

import msgspec

encode = msgspec.json.Encoder().encode
"""Return a value as JSON; raises TypeError where it is none."""

decode = msgspec.json.Decoder().decode

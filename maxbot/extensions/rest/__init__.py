"""Ask servers in templates: `{% GET "stock://items/1" %}{{ rest.json.name }}`.

`statement.py` reads the tags, `services.py` knows the servers of the configuration and puts requests together,
`client.py` asks and remembers answers.
"""

from collections.abc import Mapping
from typing import Any

from maxbot.extensions.builder import Builder
from maxbot.extensions.rest.client import RestClient
from maxbot.extensions.rest.services import Services
from maxbot.extensions.rest.statement import RestStatement

HOUR = 60.0 * 60


def extension(builder: Builder, config: Mapping[str, Any]) -> None:
    """Add the statements `GET`, `POST`, `PUT`, `DELETE`, `PATCH` and the function `rest_call`."""
    client = RestClient(Services(config), config.get("garbage_collector_timeout") or HOUR)
    builder.add_template_global(client.call, "rest_call")
    builder.jinja_env.add_extension(RestStatement)

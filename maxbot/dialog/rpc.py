"""Requests of other programs: checked against what the bot declares, and what templates see of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from maxbot.dialog.definitions import RpcMethodDefinition
from maxbot.errors import RpcError

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class RpcRequest(msgspec.Struct, frozen=True):
    """A request that has been checked."""

    method: str
    params: dict[str, Any]


def read_request(request: Any) -> RpcRequest:
    """Return a request, whatever it asks for.

    Args:
        request: JSON values: `{"method": ..., "params": {...}}`.

    Raises:
        RpcError: It is none; has code, message and data.
    """
    if not isinstance(request, Mapping):
        raise _invalid_request({"_schema": ["Invalid input type."]})
    problems = {key: ["Unknown field."] for key in request if key not in ("method", "params")}
    problems |= _method_problems(request) | _params_problems(request)
    if problems:
        raise _invalid_request(problems)
    return RpcRequest(request["method"], dict(request.get("params", {})))


class RpcMethods:
    """What other programs may ask for."""

    def __init__(self, definitions: Sequence[RpcMethodDefinition]) -> None:
        self._methods = {definition.method: definition for definition in definitions}

    def __bool__(self) -> bool:
        return bool(self._methods)

    def check(self, request: Any) -> RpcRequest:
        """Return the request.

        Args:
            request: JSON values: `{"method": ..., "params": {...}}`.

        Raises:
            RpcError: It is refused; has code, message and data.
        """
        asked = read_request(request)
        if asked.method not in self._methods:
            raise RpcError(METHOD_NOT_FOUND, "Method not found", asked.method)
        self._check_params(self._methods[asked.method], asked.params)
        return asked

    def _check_params(self, definition: RpcMethodDefinition, params: dict[str, Any]) -> None:
        declared = {parameter.name: parameter for parameter in definition.params}
        missing = [name for name, parameter in declared.items() if parameter.required and name not in params]
        problems = {name: ["Missing data for required field."] for name in missing}
        problems |= {name: ["Unknown field."] for name in params if name not in declared}
        if problems:
            raise RpcError(INVALID_PARAMS, "Invalid params", problems)


def _method_problems(request: Mapping[str, Any]) -> dict[str, Any]:
    if "method" not in request:
        return {"method": ["Missing data for required field."]}
    if request["method"] is None:
        return {"method": ["Field may not be null."]}
    return {} if isinstance(request["method"], str) else {"method": ["Not a valid string."]}


def _params_problems(request: Mapping[str, Any]) -> dict[str, Any]:
    params = request.get("params", {})
    if params is None:
        return {"params": ["Field may not be null."]}
    if not isinstance(params, Mapping):
        return {"params": ["Not a valid mapping type."]}
    empty = {name: {"value": ["Field may not be null."]} for name, value in params.items() if value is None}
    return {"params": empty} if empty else {}


def _invalid_request(data: dict[str, Any]) -> RpcError:
    return RpcError(INVALID_REQUEST, "Invalid Request", data)


class RpcName:
    """`rpc` as templates see it: false in the turn of a message, with an attribute named like the method otherwise."""

    def __init__(self, request: RpcRequest | None) -> None:
        self._request = request
        self.__dict__ |= dict.fromkeys(("method", "params", "request"))
        if request is not None:
            # The three come last: a method of such a name is shadowed by them.
            own = {"method": request.method, "params": request.params, "request": msgspec.structs.asdict(request)}
            self.__dict__ |= {request.method: True, **own}

    def __bool__(self) -> bool:
        return self._request is not None

    def __repr__(self) -> str:
        return f"<rpc {self._request.method if self._request else 'false'}>"


def called(rpc: RpcName) -> str | None:
    """Return the method that was called, none in the turn of a message."""
    request: RpcRequest | None = rpc._request
    return request.method if request else None

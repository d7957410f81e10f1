"""Refusals, by the codes that every part of the network shares."""

from __future__ import annotations

from typing import Any, Mapping


class FreeholdError(Exception):
    """What was refused and why. `code` is one of the catalogue's, `retryable` whether the same call can succeed later unchanged."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.detail = dict(detail or {})


def invalid(field: str, reason: str) -> FreeholdError:
    return FreeholdError("request.invalid", f"{field}: {reason}", detail={"field": field})


def error_of_body(what: str, status: int, body: Any) -> FreeholdError:
    """The error that an answer's body describes; `upstream.failed` where it describes none."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), str) and isinstance(error.get("message"), str):
        return FreeholdError(error["code"], error["message"], retryable=error.get("retryable") is True, detail=error)
    return FreeholdError("upstream.failed", f"{what} answered with HTTP {status}", retryable=status >= 500)

"""Which requests the configuration lets in, and the headers of every answer: a middleware of the metrics listener."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from exporter.web.config.passwords import Answer, PasswordChecker
from exporter.web.config.rate_limit import TokenBucket
from exporter.web.config.tls import has_allowed_san

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from exporter.web.config.model import WebConfig

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="db-health-exporter", charset="UTF-8"'}


class Refusal(StrEnum):
    """Why a request was answered without being served; the values of a label."""

    NO_CONFIGURATION = "no_configuration"
    RATE_LIMIT = "rate_limit"
    CLIENT_SAN = "client_san"
    NO_PASSWORD = "no_password"  # noqa: S105 - a label's value
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a label's value
    TOO_MANY_ATTEMPTS = "too_many_attempts"


_ANSWERS = {
    Refusal.NO_CONFIGURATION: (503, "WEB_CONFIG_FILE cannot be used: nothing is served here until it can\n", {}),
    Refusal.RATE_LIMIT: (429, "too many requests\n", {"Retry-After": "1"}),
    Refusal.CLIENT_SAN: (403, "the certificate has none of client_allowed_sans\n", {}),
    Refusal.NO_PASSWORD: (401, "a user and a password are needed\n", _CHALLENGE),
    Refusal.WRONG_PASSWORD: (401, "wrong user or password\n", _CHALLENGE),
    Refusal.TOO_MANY_ATTEMPTS: (429, "too many attempts with passwords\n", {"Retry-After": "1"}),
}


class AccessControl:
    """Applies the latest configuration to each request."""

    def __init__(self, config: WebConfig | None, context: ssl.SSLContext | None, *, clock: Callable[[], float]) -> None:
        """Begin with a configuration and its TLS context, or with none: then nobody is let in.

        Args:
            config: the file's.
            context: as its TLS asks for.
            clock: monotonic seconds.
        """
        self._clock = clock
        self._passwords = PasswordChecker(clock=clock)
        self.refusals: Counter[Refusal] = Counter()
        self._bucket: TokenBucket | None = None
        self._config: WebConfig | None = None
        self._context = context
        if config is not None:
            self.use(config, context)

    def use(self, config: WebConfig, context: ssl.SSLContext | None) -> None:
        """Apply another configuration from the next request on."""
        if self._config is None or self._config.rate_limit != config.rate_limit:
            self._bucket = TokenBucket(config.rate_limit, clock=self._clock) if config.rate_limit is not None else None
        self._config, self._context = config, context
        self._passwords.use(config.users)

    def install(self, app: web.Application) -> None:
        """Guard every route of an application, and paths without one."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = await self._refusal(request)
            return await handler(request) if refusal is None else self._answer(refusal)

        app.middlewares.append(guard)
        app.on_response_prepare.append(self._prepare)

    async def close(self) -> None:
        """End attempts under way."""
        await self._passwords.close()

    def _answer(self, refusal: Refusal) -> web.Response:
        self.refusals[refusal] += 1
        status, text, headers = _ANSWERS[refusal]
        response = web.Response(status=status, text=text, headers=headers)
        if refusal is Refusal.CLIENT_SAN:
            response.force_close()
        return response

    async def _refusal(self, request: web.Request) -> Refusal | None:
        if self._config is None:
            return Refusal.NO_CONFIGURATION
        if self._bucket is not None and not self._bucket.take():
            return Refusal.RATE_LIMIT
        tls = self._config.tls
        if tls is not None and tls.client_allowed_sans is not None:
            certificate = request.get_extra_info("peercert")
            if not has_allowed_san(certificate, tls.client_allowed_sans):
                return Refusal.CLIENT_SAN
        if not self._config.users:
            return None
        return await self._password_refusal(request)

    async def _password_refusal(self, request: web.Request) -> Refusal | None:
        given = _credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        if given is None:
            return Refusal.NO_PASSWORD
        answer = await self._passwords.check(*given, client=request.remote or "")
        if answer is Answer.RIGHT:
            return None
        return Refusal.WRONG_PASSWORD if answer is Answer.WRONG else Refusal.TOO_MANY_ATTEMPTS

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers; close a connection of an older TLS configuration after this answer."""
        for name, value in (self._config.headers if self._config is not None else {}).items():
            response.headers.setdefault(name, value)
        if request.get_extra_info("sslcontext") is not self._context:
            response.force_close()
            response.headers["Connection"] = "close"  # aiohttp has decided on this header already


def _credentials(header: str) -> tuple[str, str] | None:
    """Return user and password of an Authorization header (RFC 7617, UTF-8), or None."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # of base64, or of UTF-8
        return None
    return (user, password) if colon and scheme.lower() == "basic" else None

"""Asking the API whether it is ready."""

import http.client
from dataclasses import dataclass

from ops.local.ports import LOOPBACK


@dataclass(frozen=True)
class Readiness:
    """True, when called, if GET /readyz on `port` answers 200, and names no projector that is missing."""

    port: int
    host: str = LOOPBACK
    timeout: float = 3.0

    def __call__(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            return response.status == http.client.OK and b"degraded  projector" not in response.read()
        except (OSError, http.client.HTTPException):
            return False  # it does not answer yet: whether it still runs is for the supervisor to see
        finally:
            connection.close()

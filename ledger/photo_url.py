"""Which photo URLs the ledger hands to the model's service."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from ledger.errors import InvalidArgument

MAX_LENGTH = 2048
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def check_photo_url(url: str, *, local_environment: bool) -> str:
    """`url`, if it may be fetched by an outside service.

    Outside the local environment: https, no credentials, and a host that is neither private nor loopback. A name
    that only resolves to a private address is not found out here, since the ledger does no look-ups; the model's
    service does the fetching, from its own network. Raises InvalidArgument, without repeating the URL.
    """
    if len(url) > MAX_LENGTH:
        raise _refused(f"The photo URL must have at most {MAX_LENGTH} characters.")
    if any(character <= " " or character in '\x7f\\"<>' or not character.isprintable() for character in url):
        raise _refused("The photo URL must not contain spaces or control characters.")
    parts = _split(url)
    if parts.scheme not in ({"https", "http"} if local_environment else {"https"}):
        raise _refused("The photo URL must start with https://.")
    if parts.username is not None or parts.password is not None:
        raise _refused("The photo URL must not contain a user name or password.")
    host = _ascii_host(parts)
    if not local_environment and not _is_public(host):
        raise _refused("The photo URL must name a public host.")
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed on access, and out of range then
    except ValueError as error:
        raise _refused("The photo URL is malformed.") from error
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """The host as resolvers see it: full-width digits, say, are digits to them."""
    host = parts.hostname
    if not host:
        raise _refused("The photo URL needs a host.")
    if ":" in host:  # an IPv6 address
        return host
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise _refused("The photo URL's host is malformed.") from error


def _is_public(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_global and not address.is_multicast
    name = host.rstrip(".")
    return "." in name and not name.endswith(_PRIVATE_SUFFIXES) and not name.rsplit(".", 1)[1].isdigit()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, in any of the spellings that resolvers take (127.1, 0x7f000001, 2130706433)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        return embedded or address
    return address


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, field="photoUrl")

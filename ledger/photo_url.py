"""Validation of photo URLs, before they are sent to the model's service."""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from ledger.errors import InvalidArgument

MAX_LENGTH = 4096
"""Signed addresses carry a session's token, of up to 2,000 characters and more."""
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Kept from public use by RFC 6761, 6762, 7686 and 8375, or in common use inside organisations.
_PRIVATE_DOMAINS = frozenset(
    "arpa corp home internal intranet invalid lan local localdomain localhost onion private test".split()  # noqa: SIM905 - a line, not fourteen
)
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
"""The addresses for global use. Of the forms that embed an IPv4 address, two lie inside: 6to4 and Teredo."""


def check_photo_url(url: str, *, local_environment: bool) -> str:
    """`url`, if an outside service may fetch it.

    Outside the local environment: https, no credentials, and a host that is neither private nor loopback. A name
    that resolves to a private address is accepted, since the ledger does no look-ups; the model's service fetches the
    photo from its own network. Raises InvalidArgument, without repeating the URL.
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


def photo_address(url: str) -> str:
    """What of a checked URL names the photo: scheme, host and path. A signature is in the query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed on access, and out of range then
    except ValueError as error:
        raise _refused("The photo URL is malformed.") from error
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """The host as resolvers see it: full-width digits, say, are digits to them, and a final dot changes nothing."""
    host = parts.hostname
    if not host:
        raise _refused("The photo URL needs a host.")
    if parts.netloc.startswith("["):
        return _ipv6_host(host)
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise _refused("The photo URL's host is malformed.") from error
    if not _NAME.fullmatch(name):
        raise _refused("The photo URL's host is malformed.")
    return name


def _ipv6_host(host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError as error:
        raise _refused("The photo URL's host is malformed.") from error


def _is_public(host: str) -> bool:
    if ":" in host:
        return _is_public_ipv6(ipaddress.IPv6Address(host))
    try:
        # In any of the spellings that resolvers take: 127.1, 0x7f000001, 2130706433.
        address = ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        labels = host.split(".")
        return len(labels) > 1 and labels[-1] not in _PRIVATE_DOMAINS and not _NUMBER.fullmatch(labels[-1])
    return address.is_global and not address.is_multicast


def _is_public_ipv6(address: ipaddress.IPv6Address) -> bool:
    embedded = address.sixtofour or (address.teredo or (None, None))[1]
    if embedded is not None and not embedded.is_global:
        return False
    return address in _PUBLIC_IPV6 and address.is_global


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, field="photoUrl")

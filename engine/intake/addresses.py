"""Which links and addresses may be connected to: https and the public internet, no more. Pure."""

from __future__ import annotations

import ipaddress

import yarl

from engine.errors import UserError
from engine.words import Sentence

LONGEST = 2048
"""Most characters of a link."""

SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's own in every virtual network, though it looks public
        # IANA's special-purpose registries, where older releases of Python do not know them yet
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "2001::/23",
        "3fff::/20",
        "5f00::/16",
    )
)
"""Networks that nothing is fetched from, beside those ``ipaddress`` calls not global."""
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # NAT64, RFC 6052: the last 32 bits are an IPv4 address

ATTACH = Sentence("Attach the picture instead.")


def is_public(text: str) -> bool:
    """Tell whether an IP address is one anybody on the internet may have.

    False for private, link-local, loopback, multicast, shared (100.64/10), documentation and reserved
    ranges (IANA's special-purpose registries, by ``ipaddress``), and for IPv6 addresses that carry an IPv4
    one or tunnel to it (mapped, compatible, 6to4, Teredo), unless NAT64 carries a public one.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address.sixtofour or address.teredo or int(address) < 2**32:
            return False
        if address in _TRANSLATED:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    return address.is_global and not address.is_multicast and not any(address in one for one in SPECIAL)


def checked(link: str, stand_in: str = "", hosts: tuple[str, ...] = ()) -> yarl.URL:
    """Return a link as a URL that may be asked for, as far as its text can tell. Raises UserError.

    ``stand_in`` is the one origin (``http://127.0.0.1:8765``) beside https that is let through: the demo's.
    ``hosts``: if not empty, only these and what ends in ``.host``.
    """
    link = link.strip().strip("<>")
    if len(link) > LONGEST:
        raise UserError(
            Sentence(
                "This link is longer than {longest} characters. {attach}", longest=LONGEST, attach=ATTACH
            )
        )
    if any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in link):
        raise UserError(
            Sentence("There is a character in this link that belongs in none. {attach}", attach=ATTACH)
        )
    try:
        url = yarl.URL(link)
        port, host = url.port, (url.raw_host or "").rstrip(".").lower()
        ours = bool(stand_in and host) and str(url.origin()) == stand_in
        if "%" in host:
            raise ValueError(host)
    except (ValueError, UnicodeError):
        raise UserError(Sentence("This is no link to a picture. {attach}", attach=ATTACH)) from None
    if ours:
        return url
    named = url.user is not None or url.password is not None
    for wrong, told in (
        (url.scheme != "https", Sentence("Only links that begin with `https://` are fetched. {attach}")),
        (not host, Sentence("This link names no server. {attach}")),
        (named, Sentence("Links with a name or password in them are not fetched. {attach}")),
        (port != 443, Sentence("Links to another port than https's own are not fetched. {attach}")),
    ):
        if wrong:
            raise UserError(Sentence(told, attach=ATTACH))
    if _is_address(host) and not is_public(host.strip("[]")):
        raise UserError(nowhere(host))
    if hosts and not any(host == one or host.endswith(f".{one}") for one in hosts):
        shown = ", ".join(f"`{one}`" for one in hosts[:5])
        raise UserError(
            Sentence(
                "Pictures are fetched from {shown} here, not from `{host}`. {attach}",
                shown=shown,
                host=host[:80],
                attach=ATTACH,
            )
        )
    return url


def nowhere(host: str) -> Sentence:
    """Return what is said of a host without a public address; the same whether it exists or not."""
    return Sentence(
        "There is no public server at `{host}`. {attach}", host=host.replace("`", "")[:80], attach=ATTACH
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True

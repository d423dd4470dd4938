"""Which addresses belong to the public internet, and which lie inside of our own network."""

import ipaddress


def is_public(text: str) -> bool:
    """Tell whether an address belongs to the public internet, as a whole or wrapped into IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if same := address.ipv4_mapped or _nat64(address):
            return is_public(str(same))
        inner = address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None and not is_public(str(inner)):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    # Source: https://www.rfc-editor.org/rfc/rfc6052
    if address not in ipaddress.ip_network("64:ff9b::/96"):
        return None
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def is_literal(host: str) -> bool:
    """Tell whether a host is an address already, and no name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

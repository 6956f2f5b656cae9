"""Compression of messages: permessage-deflate (RFC 7692) and -bzip2; where their packages are installed, permessage-snappy and -brotli, too."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from .compress_base import (
    PerMessageCompress,
    PerMessageCompressOffer,
    PerMessageCompressOfferAccept,
    PerMessageCompressResponse,
    PerMessageCompressResponseAccept,
)
from .compress_bzip2 import (
    PerMessageBzip2,
    PerMessageBzip2Mixin,
    PerMessageBzip2Offer,
    PerMessageBzip2OfferAccept,
    PerMessageBzip2Response,
    PerMessageBzip2ResponseAccept,
)
from .compress_deflate import (
    PerMessageDeflate,
    PerMessageDeflateMixin,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

__all__ = [
    "PERMESSAGE_COMPRESSION_EXTENSION",
    "PerMessageBzip2",
    "PerMessageBzip2Mixin",
    "PerMessageBzip2Offer",
    "PerMessageBzip2OfferAccept",
    "PerMessageBzip2Response",
    "PerMessageBzip2ResponseAccept",
    "PerMessageCompress",
    "PerMessageCompressOffer",
    "PerMessageCompressOfferAccept",
    "PerMessageCompressResponse",
    "PerMessageCompressResponseAccept",
    "PerMessageDeflate",
    "PerMessageDeflateMixin",
    "PerMessageDeflateOffer",
    "PerMessageDeflateOfferAccept",
    "PerMessageDeflateResponse",
    "PerMessageDeflateResponseAccept",
]

PERMESSAGE_COMPRESSION_EXTENSION: Final[dict[str, dict[str, Any]]] = {}

_PARTS: Final = ("Offer", "OfferAccept", "Response", "ResponseAccept")


def _add(classes: dict[str, Any], name: str) -> None:
    """Put the classes of a method into the table of all."""
    agreed = classes[f"PerMessage{name}"]
    parts = {part: classes[f"PerMessage{name}{part}"] for part in _PARTS}
    PERMESSAGE_COMPRESSION_EXTENSION[agreed.EXTENSION_NAME] = parts | {"PMCE": agreed}


def _add_if_installed(name: str) -> None:
    """Add a method, and its names to this module, if the package that it needs is installed."""
    try:
        module = import_module(f".compress_{name.lower()}", __package__)
    except ImportError:
        return
    globals().update({each: getattr(module, each) for each in module.__all__})
    _add(vars(module), name)


for _name in ("Deflate", "Bzip2"):
    _add(globals(), _name)
for _name in ("Snappy", "Brotli"):
    _add_if_installed(_name)
__all__ += [_name for _name in globals() if _name.startswith(("PerMessageSnappy", "PerMessageBrotli"))]

"""The origin label: an XMP packet that says how a picture came about.

IPTC Photo Metadata standard, property `DigitalSourceType` of the Extension schema; its values are
the words of the vocabulary at https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

from __future__ import annotations

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="{address}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def origin_address(digital_source_type: str) -> str:
    """The address of a word of the vocabulary, such as `algorithmicallyEnhanced`.

    Raises:
        ValueError: it is not a word of letters only.
    """
    if not (digital_source_type.isascii() and digital_source_type.isalpha()):
        raise ValueError("not a word of the IPTC digital source type vocabulary")
    return _VOCABULARY + digital_source_type


def origin_label(digital_source_type: str | None) -> bytes | None:
    """The packet for a word of the vocabulary; None for none.

    Raises:
        ValueError: as in `origin_address`.
    """
    if digital_source_type is None:
        return None
    return _PACKET.format(address=origin_address(digital_source_type)).encode()

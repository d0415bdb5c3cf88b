from xml.etree import ElementTree

import pytest

from rekindle.adapters.confined.child.origin_label import origin_label

DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def test_label_is_an_xmp_packet_with_the_iptc_address_of_the_word() -> None:
    packet = origin_label("trainedAlgorithmicMedia")
    assert packet is not None
    [description] = ElementTree.fromstring(packet).iter(DESCRIPTION)  # noqa: S314
    assert description.get(SOURCE_TYPE) == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )


def test_no_word_means_no_label() -> None:
    assert origin_label(None) is None


@pytest.mark.parametrize("word", ["", 'x"/><evil', "two words", "naïve", "a/b"])
def test_only_a_word_of_letters_is_taken(word: str) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        origin_label(word)

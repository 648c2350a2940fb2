"""Facts about whole columns of text, seen in their bytes at once, where a pattern would look at value after value.

What belongs here: what can be said of all values together. Each fact is certain when it is said and never said in
doubt; which rows are not so is for the rule itself to find, one by one.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]

_FIRST_PRINTED: Final = 0x20
_DELETE: Final = 0x7F
_ZERO: Final = ord("0")
_POINT: Final = ord(".")
_SIGNS: Final = (ord("+"), ord("-"))


def lengths_are_within(text: pa.StringArray, *, least: int, most_bytes: int) -> bool:
    """Whether every value that is there has from `least` to `most_bytes` bytes; `most_bytes` also bounds characters."""
    sizes = np.diff(_ends(text))
    if not len(sizes):
        return True
    if text.null_count:  # what lies under a null is not said
        sizes = sizes[text.is_valid().to_numpy(zero_copy_only=False)]
    return not len(sizes) or bool(sizes.min() >= least and sizes.max() <= most_bytes)


def lacks_control_characters(text: pa.StringArray) -> bool:
    """Whether no value has a byte below a space or a DEL: those are control characters, and parts of no other ones."""
    content = _content(text)
    return not len(content) or bool(content.min() >= _FIRST_PRINTED and not (content == _DELETE).any())


def lacks_null_characters(text: pa.StringArray) -> bool:
    """Whether no value has the character U+0000."""
    content = _content(text)
    return not len(content) or bool(content.min())


def are_plain_decimals(text: pa.StringArray, *, most_characters: int) -> bool:
    """Whether every value is digits, perhaps with a sign before and a point between them; none is null or longer.

    How many points a value has is not looked at: whoever reads the numbers finds two in one.
    """
    if text.null_count or not lengths_are_within(text, least=1, most_bytes=most_characters):
        return False
    content, ends = _content(text), _ends(text)
    if not len(content):
        return True
    digits = (content - _ZERO) < 10  # unsigned: whatever is below zero is large
    points = content == _POINT
    starts = content[ends[:-1] - ends[0]]
    signs = int(sum(np.count_nonzero(starts == sign) for sign in _SIGNS))
    return bool(
        np.count_nonzero(digits) + np.count_nonzero(points) + signs == len(content)
        and digits[ends[1:] - ends[0] - 1].all()
        and not (starts == _POINT).any()
        and (digits[:-1] | ~points[1:]).all()
    )


def _ends(text: pa.StringArray) -> npt.NDArray[np.int32]:
    """Where values begin, and where the last one ends."""
    assert pa.types.is_string(text.type), "other texts have wider offsets"
    starts = text.buffers()[1]
    if not len(text) or starts is None:
        return np.zeros(1, dtype=np.int32)
    return np.frombuffer(starts, dtype=np.int32)[text.offset : text.offset + len(text) + 1]


def _content(text: pa.StringArray) -> Bytes:
    """The bytes of all values, one after the other."""
    content, ends = text.buffers()[2], _ends(text)
    if content is None or ends[0] == ends[-1]:
        return np.empty(0, dtype=np.uint8)
    return np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]]

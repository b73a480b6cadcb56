"""Whether bytes are UTF-8, looked at piece by piece: of a text of 100 KB with one accent a decoded copy would take 200 KB at once."""

PIECE = 16 * 1024


def is_utf8(data: bytes) -> bool:
    """Whether they are. Plain ASCII is told at a glance. Raises nothing: an error of the decoder would hold what it read."""
    if data.isascii():
        return True
    view, start, end = memoryview(data), 0, len(data)
    try:
        while end - start > PIECE:
            cut = start + PIECE
            while data[cut] & 0xC0 == 0x80 and cut > start + PIECE - 4:  # not inside a character
                cut -= 1
            str(view[start:cut], "utf-8")
            start = cut
        str(view[start:], "utf-8")
    except UnicodeDecodeError:
        return False
    return True

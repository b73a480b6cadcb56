"""The simulator's token rule: one token for every four bytes of UTF-8, rounded up. No tokenizer, so that any test can recompute it.

Prompt: the bytes of all message text (system prompt, text parts, tool results) added up, then divided once; images, tool
definitions and tool-call arguments count nothing. Completion: each choice apart, over its text, reasoning, refusal and tool arguments.
"""

BYTES_PER_TOKEN = 4


def tokens_for(size: int) -> int:
    """Tokens of `size` bytes of UTF-8: ceil(size / 4)."""
    return -(-size // BYTES_PER_TOKEN)


def size_of(text: str) -> int:
    """Bytes of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())

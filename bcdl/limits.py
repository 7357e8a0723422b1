"""How large an image may be: what is larger is damaged or hostile, and would fill the memory."""

MOST_PIXELS = 250_000_000  # of one image: a mammogram has up to 30 million

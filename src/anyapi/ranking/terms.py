"""What is promised of the ranking, in numbers; printed with every release. Imports nothing, so that the sampler may know it.

Neighbours are two weeks of traffic that differ by everything that one account sent. An account adds to at most one cell, by one.
"""

EPSILON = 1.0
"""Of one release, for an account. Several weeks add up."""
DELTA = 1e-6
"""At most this likely a cell is shown that fewer than `FEWEST_ACCOUNTS` accounts are in: discrete Laplace noise of scale 1 is 14 or more
with probability exp(-14) / (1 + exp(-1)) = 6.1e-7."""
FEWEST_ACCOUNTS = 20
SHOWN_FROM = 34
"""The least noisy count that is shown."""
NOISE_SECONDS = 120.0
"""How long the process that draws the noise may take."""

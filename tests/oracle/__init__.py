"""A second reading of docs/policy.md, for comparison with the product.

Plain Python over plain dicts (what `msgspec.to_builtins` makes of the domain structs); imports nothing of `anyapi`, which
tests/architecture/test_oracle_independence.py checks. It explains nothing and is not fast: it only says what the right answer is.
"""

from tests.oracle.choice import AUTO, asked_for, in_order, refusal
from tests.oracle.facts import facts_in_force
from tests.oracle.judgement import judge
from tests.oracle.laws import LAWS, Laws
from tests.oracle.requirement import durable_record_needed, requirement

__all__ = ["AUTO", "LAWS", "Laws", "asked_for", "durable_record_needed", "facts_in_force", "in_order", "judge", "refusal", "requirement"]

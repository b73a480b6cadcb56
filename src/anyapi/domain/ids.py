"""Distinct types for every id, so that one cannot be passed where another is meant. Holds no logic."""

from typing import NewType

ProviderId = NewType("ProviderId", str)
"""Catalogue id of a provider: lower-case, `[a-z0-9-]`."""
ModelId = NewType("ModelId", str)
"""Catalogue id of a model: `author/slug`."""
AUTO = ModelId("anyapi/auto")
"""Not a model: the caller leaves the choice to the gateway (docs/routing.md). No catalogue may have a model of this id."""
EndpointId = NewType("EndpointId", str)
"""`provider/model name at that provider`; unique in a catalogue."""
CredentialId = NewType("CredentialId", str)
"""Name of a provider credential, never the secret: that of the configuration, or `own:` and 16 characters for one of an account."""
OWN = "own:"
"""Begins the id of a credential that an account brought; no entry of a file may take it, or one could stand for the other."""
HealthKey = NewType("HealthKey", str)
"""An endpoint as somebody sees it: its id for all whom the operator's credentials serve, that and the credential's for an account's own."""
AgreementId = NewType("AgreementId", str)
"""Reference of an attested agreement."""
AccountId = NewType("AccountId", str)
ProjectId = NewType("ProjectId", str)
KeyId = NewType("KeyId", str)
"""Public id of an API key; never the key."""
DecisionId = NewType("DecisionId", str)
"""`dec_` and 26 characters; names one decision in headers, usage rows and decision records."""
RequirementHash = NewType("RequirementHash", str)
"""First 32 hex digits of the SHA-256 of a requirement's canonical JSON; the value of `X-AnyAPI-Policy`."""

"""Where the locations of cloud providers lie, in the words of the policy. Tables only.

Source: the region lists of AWS and Google Cloud, as of 2026. What is not listed lies nowhere that is known.
"""

_AWS = {
    "us": "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1", "ca": "ca-central-1 ca-west-1", "mx": "mx-central-1",
    "br": "sa-east-1", "ie": "eu-west-1", "gb": "eu-west-2", "fr": "eu-west-3", "de": "eu-central-1", "ch": "eu-central-2",
    "se": "eu-north-1", "it": "eu-south-1", "es": "eu-south-2", "il": "il-central-1", "ae": "me-central-1", "bh": "me-south-1",
    "za": "af-south-1", "in": "ap-south-1 ap-south-2", "sg": "ap-southeast-1", "au": "ap-southeast-2 ap-southeast-4",
    "id": "ap-southeast-3", "my": "ap-southeast-5", "nz": "ap-southeast-6", "th": "ap-southeast-7", "jp": "ap-northeast-1 ap-northeast-3",
    "kr": "ap-northeast-2", "hk": "ap-east-1", "tw": "ap-east-2",
}  # fmt: skip
_GOOGLE = {
    "us": "us us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4", "eu": "eu", "global": "global",
    "ca": "northamerica-northeast1 northamerica-northeast2", "mx": "northamerica-south1", "br": "southamerica-east1",
    "cl": "southamerica-west1", "be": "europe-west1", "gb": "europe-west2", "de": "europe-west3 europe-west10", "nl": "europe-west4",
    "ch": "europe-west6", "it": "europe-west8 europe-west12", "fr": "europe-west9", "pl": "europe-central2", "fi": "europe-north1",
    "se": "europe-north2", "es": "europe-southwest1", "tw": "asia-east1", "hk": "asia-east2", "jp": "asia-northeast1 asia-northeast2",
    "kr": "asia-northeast3", "in": "asia-south1 asia-south2", "sg": "asia-southeast1", "id": "asia-southeast2", "th": "asia-southeast3",
    "au": "australia-southeast1 australia-southeast2", "il": "me-west1", "qa": "me-central1", "sa": "me-central2", "za": "africa-south1",
}  # fmt: skip

PLACES: dict[str, str] = {name: place for table in (_AWS, _GOOGLE) for place, names in table.items() for name in names.split()}
"""Region or country of each location."""
VARIABLES = ("location", "region")
"""Names of the variables of a provider's address that say where it is."""

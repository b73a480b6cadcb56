from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec
from anyapi.simulator.cast import APIS, WireName

BY_ID = {spec.id: spec for spec in DEFAULT_PROVIDERS}


def test_the_five_policies():
    assert (BY_ID["sim-forever"].policy.training, BY_ID["sim-forever"].policy.retention) == ("by_default", "indefinite")
    assert (BY_ID["sim-30d"].policy.training, BY_ID["sim-30d"].policy.retention_days) == ("never", 30)
    zero = BY_ID["sim-zero"].policy
    assert (zero.retention, zero.certifications, zero.regions) == ("zero", ("soc2-type2", "iso27001"), ("eu",))
    assert (BY_ID["sim-free"].policy.free, BY_ID["sim-free"].policy.training) == (True, "by_default")
    assert (BY_ID["sim-unknown"].policy.training, BY_ID["sim-unknown"].policy.retention) == ("unknown", "unknown")


def test_everybody_serves_the_seeds_model_at_a_price_of_their_own():
    prices = {next(model.input_price for model in spec.models if model.id == "anthropic/claude-3.5-sonnet") for spec in DEFAULT_PROVIDERS}
    assert len(prices) == len(DEFAULT_PROVIDERS)
    assert all(model.input_price == 0 for model in BY_ID["sim-free"].models)


def test_every_wire_is_there():
    assert set(APIS) == set(WireName)


def test_a_key_is_not_printed():
    assert "secret" not in repr(ProviderSpec("p", api_key="secret"))

"""The classes have every method of the contract, with the same arguments. mypy checks the types where they are used."""

import inspect

import pytest

from anyapi.storage import contract, contract_holdings, contract_logs, contract_people, contract_ranking, contract_requests, contract_review
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_requests import SqlRequests
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter

PAIRS = [
    (contract.KeyStore, SqliteStore),
    (contract.SpendingStore, SqliteStore),
    (contract.ProvisioningStore, SqliteStore),
    (contract.CredentialStore, SqliteStore),
    (contract.SettingsStore, SqliteStore),
    (contract.UsageStore, SqliteStore),
    (contract.ExposureStore, SqliteStore),
    (contract.ContradictionStore, SqliteStore),
    (contract.DecisionStore, SqliteStore),
    (contract_people.PeopleStore, SqlPeople),
    (contract_people.SessionStore, SqlPeople),
    (contract_people.ChangeStore, SqlPeople),
    (contract_requests.RequestStore, SqlRequests),
    (contract_holdings.HoldingStore, SqlHoldings),
    (contract_logs.LogRuleStore, SqliteStore),
    (contract_logs.LogStore, SqlLogs),
    (contract_ranking.RankingStore, SqlRanking),
    (contract_review.CatalogueStore, SqlReview),
    (contract_review.HoldStore, SqlReview),
    (contract_review.NotificationStore, SqlReview),
    (contract.UsageSink, UsageWriter),
    (contract.ContradictionSink, ContradictionWriter),
    (contract.DecisionSink, DecisionWriter),
]


@pytest.mark.parametrize(("role", "implementation"), PAIRS, ids=lambda kind: kind.__name__)
def test_methods_and_arguments_agree(role, implementation):
    methods = {name: method for name, method in vars(role).items() if inspect.isfunction(method) and not name.startswith("_")}
    assert methods
    for name, method in methods.items():
        asked = inspect.signature(method).parameters
        given = inspect.signature(getattr(implementation, name)).parameters
        assert [(one.name, one.default) for one in asked.values()] == [(one.name, one.default) for one in given.values()], name


@pytest.mark.parametrize("role", [role for role, _ in PAIRS], ids=lambda kind: kind.__name__)
def test_every_method_says_what_it_does(role):
    assert all(method.__doc__ for name, method in vars(role).items() if inspect.isfunction(method) and not name.startswith("_"))

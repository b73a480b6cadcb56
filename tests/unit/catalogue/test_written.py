from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.model_record import read_endpoint
from anyapi.catalogue.provider_record import read_provider
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.written import endpoint_source, provider_source


def test_every_provider_reads_back_as_it_was():
    catalogue = load_catalogue()
    for provider in catalogue.providers.values():
        problems = Problems()
        assert read_provider(Table(provider_source(provider), problems, "f", provider.id), catalogue.compiled) == provider
        assert problems.found == []


def test_every_endpoint_reads_back_as_it_was():
    for model in load_catalogue().models.values():
        for endpoint in model.endpoints:
            problems = Problems()
            assert read_endpoint(Table(endpoint_source(endpoint), problems, "f"), model.id) == endpoint
            assert problems.found == []

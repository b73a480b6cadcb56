"""Reads the YAML source into a `Catalogue`, strictly. The only module that imports yaml; nothing on the serving path imports it."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from anyapi.catalogue.canonical import with_version
from anyapi.catalogue.check import Place, check_models, check_providers
from anyapi.catalogue.model_record import read_model
from anyapi.catalogue.provider_record import read_provider
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.catalogue import Catalogue, Model, Provider
from anyapi.regular_file import read_regular

PROVIDERS_FILE, MODELS_FILE = "providers.yaml", "models.yaml"

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Loader):  # type: ignore[misc,valid-type]
    """Refuses a key that is there twice; YAML parsers let the later one win silently."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[object, object]:
    mapping: dict[object, object] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a field name must be text", key_node.start_mark)
        if key in mapping:
            raise yaml.constructor.ConstructorError(None, None, f"field {key[:64]} is there twice", key_node.start_mark)
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_catalogue(directory: Path) -> Catalogue:
    """Read `providers.yaml` and `models.yaml` of a directory; raises one `CatalogueError` that lists everything wrong."""
    return read_files(directory / PROVIDERS_FILE, directory / MODELS_FILE)


def read_files(providers_path: Path, models_path: Path) -> Catalogue:
    """Read the two source files; raises one `CatalogueError` that lists everything wrong in both."""
    problems = Problems()
    provider_top, model_top = _top(providers_path, problems), _top(models_path, problems)
    problems.raise_catalogue_error()
    compiled = provider_top.day("compiled")
    if compiled is None:
        provider_top.note("compiled", "is missing: the day the records were put together")
    verified_at = compiled or dt.date.min
    found_providers = [read_provider(table, verified_at) for table in _records(provider_top, "providers")]
    found_models = [read_model(table) for table in _records(model_top, "models")]
    _note_repeats(found_providers, provider_top)
    _note_repeats(found_models, model_top)
    providers = {provider.id: provider for provider in found_providers}
    models = {model.id: model for model in found_models}
    provider_top.done()
    model_top.done()
    check_providers(providers.values(), providers, models, problems, Place(providers_path.name))
    check_models(models.values(), providers, models, problems, Place(models_path.name))
    problems.raise_catalogue_error()
    return with_version(Catalogue("", verified_at, providers, models))


def _top(path: Path, problems: Problems) -> Table:
    try:
        content = yaml.load(read_regular(path), _StrictLoader)  # noqa: S506 a SafeLoader with a stricter mapping
    except OSError as error:
        problems.note(path.name, None, None, f"cannot be read ({error.strerror})")
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        problems.note(path.name, None, None, f"{line}not valid YAML: {error.problem}")
    except (yaml.YAMLError, UnicodeDecodeError):
        problems.note(path.name, None, None, "not valid YAML: must be UTF-8 text without control characters")
    else:
        return Table(content, problems, path.name)
    return Table({}, problems, path.name)


def _records(top: Table, key: str) -> list[Table]:
    """The records of a file, each named by its id, or by its place when it has none that can be shown."""
    if not top.has(key):
        top.note(key, "is missing or empty")
    tables = []
    for table in top.children(key):
        identity = table.peek("id")
        table.record = identity if isinstance(identity, str) and len(identity) <= 128 else f"{key}{table.path[len(key) :]}"
        table.path = ""
        tables.append(table)
    return tables


def _note_repeats(records: Sequence[Provider] | Sequence[Model], top: Table) -> None:
    counted = Counter(record.id for record in records if record.id)
    for identity, times in counted.items():
        if times > 1:
            top.problems.note(top.file, identity, "id", f"is there {times} times")

"""Which adapter reads which source."""

import pytest

from pipeline.config.data import CustomSource
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError

SHOP = """
from pipeline.datasets.base import DatasetAdapter
from schemas.features import TableLayout


class Shop(DatasetAdapter):
    def __init__(self, size):
        self.size = size

    def layout(self):
        return TableLayout()

    def interaction_files(self):
        return []

    def interactions(self, part):
        return iter(())

    def items(self):
        return iter(())


class NoAdapter:
    pass
"""


@pytest.fixture
def open_custom(tmp_path, monkeypatch):
    module = f"shop_{abs(hash(tmp_path))}"  # a module of its own for each test
    (tmp_path / f"{module}.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)

    def opened(name, module=module, **options):
        return open_adapter(
            CustomSource.model_validate(
                {"source": "custom", "adapter": f"{module}:{name}", "options": options}
            )
        )

    return opened


def test_an_adapter_of_ones_own(open_custom):
    adapter = open_custom("Shop", size=3)
    assert adapter.size == 3
    assert not adapter.ids_are_public
    assert adapter.parts() == []
    assert list(adapter.users()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"name": "Shop", "module": "no_such_shop"},
            "cannot import 'no_such_shop:Shop': No module .*PYTHONP",
        ),
        ({"name": "Kiosk"}, "cannot import 'shop_.*:Kiosk'"),
        ({"name": "Shop"}, "data.options do not fit 'shop_.*:Shop': .*missing.*'size'"),
        ({"name": "NoAdapter"}, "is no pipeline.datasets.base.DatasetAdapter"),
    ],
)
def test_an_adapter_that_cannot_be_used(open_custom, arguments, message):
    with pytest.raises(InputError, match=message):
        open_custom(**arguments)

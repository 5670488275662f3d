"""Reading a page as its caller would."""

import msgspec

from app.query.lists.paging import Page
from app.query.schema.answers import Item


def decoded(page: Page) -> list[Item]:
    """The items of a page."""
    items = msgspec.json.decode(msgspec.json.encode(page.items), type=list[Item])
    assert len(items) == page.n_items
    return items

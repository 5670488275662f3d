"""Reading a page as a browser would: elements, their nesting, and the tables of its sections."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageTable:
    """A table as it was read: the numbers of its cells by ``data``, the texts of the others."""

    section: str
    caption: str = ""
    rows: list[list[str | float]] = field(default_factory=list)


class Page(HTMLParser):
    """A page that is read to its end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.tables: list[PageTable] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self._section = ""
        self.feed(text)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._enter(tag, dict(attrs))
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._enter(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif self._open[-1:] in (["th"], ["td"]):
            self.tables[-1].rows[-1][-1] = data

    def _enter(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tags.add(tag)
        self.attributes |= attributes.keys()
        self.links += [value or "" for name, value in attributes.items() if name in {"src", "href", "xlink:href"}]
        match tag:
            case "section":
                self._section = attributes["id"] or ""
            case "table":
                self.tables.append(PageTable(self._section))
            case "tr":
                self.tables[-1].rows.append([])
            case "th" | "td":
                self.tables[-1].rows[-1].append("")
            case "data":
                self.tables[-1].rows[-1][-1] = float(attributes["value"] or "")

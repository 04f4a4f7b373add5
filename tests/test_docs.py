"""The pages of the documentation hang together: whoever starts at README.md gets everywhere, and no link is dead."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import maxbot

ROOT = Path(maxbot.__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += sorted(page for folder in ("docs", "examples", "benchmarks") for page in (ROOT / folder).rglob("*.md"))
PAGES = [page for page in PAGES if "node_modules" not in page.parts]


def prose(page: Path) -> str:
    """Return the text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that a page links, each with the anchor in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


def page_of(target: Path) -> Path:
    return target / "README.md" if target.is_dir() else target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.relative_to(ROOT)} links {target}"
        assert not anchor or anchor in anchors(page_of(target)), f"{page.relative_to(ROOT)} links {target}#{anchor}"


def test_every_page_is_reached_from_the_first_one() -> None:
    found, new = set[Path](), {ROOT / "README.md"}
    while new:
        found |= new
        new = {page_of(target) for page in new for target, _ in links(page)} - found
        new = {page for page in new if page.suffix == ".md" and page.exists()}
    assert [page for page in PAGES if page not in found] == []


def test_the_index_names_every_page() -> None:
    """The pages of docs/ are all in docs/README.md: nobody has to guess on which other one a page is linked."""
    index = {target for target, _ in links(ROOT / "docs" / "README.md")}
    pages = [page for page in PAGES if (ROOT / "docs") in page.parents and page.name != "README.md"]
    assert [str(page.relative_to(ROOT)) for page in pages if page not in index] == []

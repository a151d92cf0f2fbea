"""A comparison as one HTML page that stands alone: what `dsk compare --html` writes."""

from dsk.compare.page.write import Again, check_page, page_data, write_page

__all__ = ["Again", "check_page", "page_data", "write_page"]

"""Pages that need nothing from elsewhere: data as JSON in a script element, beside the bundle of `web/`."""

from dsk.web.page import page_html

__all__ = ["page_html"]

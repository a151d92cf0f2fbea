"""A kept tree as a page: replayed expansion by expansion, with what each choice was made of."""

from dsk.treeview.data import tree_data
from dsk.treeview.page import trees_page
from dsk.treeview.rules import Rules, rules_of
from dsk.treeview.trained import Trained, trained_on

__all__ = ["Rules", "Trained", "rules_of", "trained_on", "tree_data", "trees_page"]

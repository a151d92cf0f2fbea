"""What runs in processes that can be killed: computer algebra, and functions of the user's."""

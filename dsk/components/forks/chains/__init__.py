"""What fork rules read off a tree's chains."""

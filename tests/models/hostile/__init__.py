"""Files that would do harm, and files that only look like it."""

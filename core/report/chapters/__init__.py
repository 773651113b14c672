"""The chapters of a report, a module each: what it asks of the workspace, and what it says of the answers."""

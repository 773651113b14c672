"""What the README claims about speed, as commands: each prints a Markdown table."""

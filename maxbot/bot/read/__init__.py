"""From YAML to what a bot is made of: resources with their places, and what they may have."""

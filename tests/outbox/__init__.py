"""Outbox: in order, and what each kind of failed attempt leads to."""

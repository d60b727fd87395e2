"""AMQP 1.0 as bytes: types, frames and sections, and our messages in them; pure."""

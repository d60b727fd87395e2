"""AMQP 1.0 as a protocol: connections, sessions, links, flow control and settlement; knows frames and no queue."""

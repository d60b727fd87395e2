"""AMQP 1.0 as Service Bus speaks it: codec, engine and the nodes that serve a namespace over a socket."""

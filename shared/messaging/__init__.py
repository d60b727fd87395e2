"""Queues and topics with Service Bus semantics behind one port."""

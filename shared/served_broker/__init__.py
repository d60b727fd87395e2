"""The composition root of `tocsin broker`: namespaces of the embedded broker in one folder, served over AMQP.

Apart from `bootstrap`, because that brings the connector and the scheduler along.
"""

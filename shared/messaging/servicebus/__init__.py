"""The port on Azure Service Bus, and on whatever speaks its AMQP; imported only where it is used."""

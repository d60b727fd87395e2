"""What the addresses mean: tokens, entities and their management, on the embedded broker; knows queues and no frame."""

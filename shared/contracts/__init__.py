"""What the connector promises to other programs, out of the catalogue and the models: schemas, OpenAPI, AsyncAPI."""

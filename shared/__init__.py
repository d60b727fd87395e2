"""Everything of Tocsin that is not an Azure Functions entry point; docs/explanation/architecture.md has the map."""

"""The ARM surface: resources, resource groups, and the headers of its gateway (contract section B)."""

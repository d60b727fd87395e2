"""The vocabulary of the Scheduler API: models, catalogue, codecs, error bodies; pure, the only place of wire names."""

"""Laws are judged by their outcome: a busy machine draws and runs examples slowly."""

from hypothesis import HealthCheck, settings

settings.register_profile("tocsin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tocsin")

"""A pytest plugin: a property that fails is not shrunk to its smallest example, which nobody would read."""

from hypothesis import Phase, settings

settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants")

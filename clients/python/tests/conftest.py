import os

# The tests against a network need one: `npx vitest run testing/python` starts it.
collect_ignore = [] if "FREEHOLD_NETWORK" in os.environ else ["test_network.py"]

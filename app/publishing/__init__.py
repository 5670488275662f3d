"""From a stored version to the one that serves: fetching and verifying it, announcing it, choosing an older one."""

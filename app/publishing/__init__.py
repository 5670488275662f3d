"""From a stored version to the one that serves: the model store, fetching and verifying, announcing, older versions."""

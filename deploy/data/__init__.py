"""Real ratings for the demonstration and the quality tests, each set in a folder with its licence.

=================  ===============================================================================
``movielens``      MovieLens latest-small (GroupLens, see ``movielens/README.txt``)
``movietweetings`` MovieTweetings of 2013-11-06 (see ``movietweetings/LICENSE`` and ``PROVENANCE.txt``)
=================  ===============================================================================

Both come out of :func:`load_ratings` in one form: ids with a letter in front, 0.5 to 5 stars, in time order.
Imports the standard library only.
"""

from deploy.data.dataset import CatalogueEntry, Dataset, Rating
from deploy.data.loading import NAMES, load_ratings

__all__ = ["NAMES", "CatalogueEntry", "Dataset", "Rating", "load_ratings"]

"""One module for each revision, in order. A revision that has been released is never edited."""

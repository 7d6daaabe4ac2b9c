"""From words to passages: the corpus, Indonesian analysis, the BM25 index and the citation router."""

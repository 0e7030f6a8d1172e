"""Porter's stemmer."""

from nltk.stem.porter import PorterStemmer

stem = PorterStemmer().stem

"""From text to tags: documents, sentences, the model folder, engines, folder runs, Hub loading."""

from .bundle import Bundle, Manifest, load_bundle
from .documents import Document, TableColumns
from .results import TaggedDocument, TaggedSentence
from .run import RunSummary
from .sentences import Sentence, split_sentences
from .tagger import Tagger

__all__ = [
    "Bundle",
    "Document",
    "Manifest",
    "RunSummary",
    "Sentence",
    "TableColumns",
    "TaggedDocument",
    "TaggedSentence",
    "Tagger",
    "load_bundle",
    "split_sentences",
]

"""What Presidio finds in a JSON list of texts on stdin, with the spaCy model for English that is installed."""

import json
import pkgutil
import sys
from importlib.metadata import version

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

MODELS = [module.name for module in pkgutil.iter_modules() if module.name.startswith("en_core_")]
if not MODELS:
    sys.exit("No spaCy model for English is installed beside presidio-analyzer.")
configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODELS[0]}]}
engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
found = [
    [(result.entity_type, result.start, result.end) for result in analyzer.analyze(text, language="en")]
    for text in json.load(sys.stdin)
]
about = f"presidio-analyzer {version('presidio-analyzer')} with {MODELS[0]}"
json.dump({"about": about, "found": found}, sys.stdout)

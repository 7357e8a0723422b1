"""A run's samples explained: tables, sheets and metrics, which the verb records in the run.

`bcdl.explain` has the methods; here they meet a run's data, and what they say is drawn and written down.
"""

from bcdl.explanations.examined import Examined
from bcdl.explanations.files import Files, explain_samples
from bcdl.explanations.printing import printed
from bcdl.explanations.settings import Settings, class_of

__all__ = ["Examined", "Files", "Settings", "class_of", "explain_samples", "printed"]
